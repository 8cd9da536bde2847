import { describe, expect, it } from 'vitest';
import { EVALUATIONS_PATH } from '../src/index.ts';
import { GIT_MAP, post, question, startServer } from './workspace.ts';

const limited = { ...GIT_MAP, rate: { perMinute: 1 } };

/** An entry that is allowed, or one that is denied. */
const yes = { action: { name: 'search' } };
const no = { action: { name: 'drop' } };
const base = { subject: { type: 'agent', id: 'bot' }, resource: { type: 'tool', id: 'git-map' } };

function decisions(body: { evaluations: { decision: boolean }[] }): boolean[] {
  return body.evaluations.map(({ decision }) => decision);
}

describe('POST /access/v1/evaluations', () => {
  it('decides every entry, in order, with defaults from the top level', async () => {
    const { url } = await startServer();
    const { status, body } = await post(url + EVALUATIONS_PATH, {
      ...base,
      evaluations: [yes, no, yes, { ...yes, resource: { type: 'tool', id: 'other' } }],
    });
    expect(status).toBe(200);
    expect(decisions(body)).toEqual([true, false, true, false]);
    expect(body.evaluations[3].context.code).toBe('TOOL_UNKNOWN');
    expect(body.decision).toBeUndefined();
  });

  it('keeps the order over many entries', async () => {
    const { url } = await startServer();
    const entries = Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? no : yes));
    const { body } = await post(url + EVALUATIONS_PATH, { ...base, evaluations: entries });
    expect(decisions(body)).toEqual(entries.map((entry) => entry === yes));
  });

  it('replaces a default as a whole: a partial entity is not completed', async () => {
    const { url } = await startServer();
    const entries = { ...base, evaluations: [{ ...yes, resource: { id: 'git-map' } }] };
    const { status, body } = await post(url + EVALUATIONS_PATH, entries);
    expect(status).toBe(200);
    expect(body.evaluations[0]).toMatchObject({
      decision: false,
      context: {
        code: 'REQUEST_INVALID',
        error: {
          status: 400,
          code: 'REQUEST_INVALID',
          message: expect.stringContaining('resource'),
        },
      },
    });
  });

  it('completes a partial entity when fallbackRequiredSubfields is on, and only its required members', async () => {
    const { url } = await startServer({}, { fallbackRequiredSubfields: true });
    const { body } = await post(url + EVALUATIONS_PATH, {
      ...base,
      action: { name: 'search', properties: { path: 'secret/x' } },
      evaluations: [
        { resource: { id: 'git-map' } },
        { action: { properties: { path: 'docs/x' } } },
        { action: {} },
      ],
    });
    expect(decisions(body)).toEqual([false, true, true]);
    expect(body.evaluations[0].context.code).toBe('PATH_OUT_OF_SCOPE');
  });

  it.each([
    ['absent', undefined],
    ['empty', []],
  ])('treats %s evaluations as one evaluation', async (_name, evaluations) => {
    const { url } = await startServer();
    const { body } = await post(url + EVALUATIONS_PATH, { ...question(), evaluations });
    expect(body.decision).toBe(true);
    expect(body.evaluations).toBeUndefined();
  });

  it('denies entries that are not questions, and decides the others', async () => {
    const { url } = await startServer();
    const entries = [null, 7, 'x', [], {}, yes, { ...yes, subject: null }];
    const { status, body } = await post(url + EVALUATIONS_PATH, { ...base, evaluations: entries });
    expect(status).toBe(200);
    expect(decisions(body)).toEqual([false, false, false, false, false, true, false]);
    for (const i of [0, 1, 2, 3, 4, 6]) {
      expect(body.evaluations[i].context.error).toMatchObject({
        status: 400,
        code: 'REQUEST_INVALID',
      });
    }
    expect(body.evaluations[5].context.error).toBeUndefined();
  });

  it('answers 200 and false when no subject is anywhere', async () => {
    const { url } = await startServer();
    const { status, body } = await post(url + EVALUATIONS_PATH, {
      resource: base.resource,
      evaluations: [yes, yes],
    });
    expect([status, decisions(body)]).toEqual([200, [false, false]]);
  });

  it('ends with the first denial under deny_on_first_deny, and decides nothing after it', async () => {
    const { url, governor } = await startServer();
    const { body } = await post(url + EVALUATIONS_PATH, {
      ...base,
      evaluations: [yes, yes, no, yes],
      options: { evaluations_semantic: 'deny_on_first_deny' },
    });
    expect(decisions(body)).toEqual([true, true, false]);
    expect(governor.counters.total).toBe(3);
  });

  it('ends with the first permit under permit_on_first_permit, and charges nothing after it', async () => {
    const { url } = await startServer({ grants: [limited] });
    const ask = (): Promise<{ body: { evaluations: { decision: boolean }[] } }> =>
      post(url + EVALUATIONS_PATH, {
        ...base,
        evaluations: [no, yes, { action: { name: 'tree' } }],
        options: { evaluations_semantic: 'permit_on_first_permit' },
      });
    expect(decisions((await ask()).body)).toEqual([false, true]);
    // The third entry was never charged, so it is admitted now that the second one is not.
    expect(decisions((await ask()).body)).toEqual([false, false, true]);
  });

  it('runs a short-circuit batch to its end when nothing settles it', async () => {
    const { url } = await startServer();
    const run = (entries: object[], semantic: string) =>
      post(url + EVALUATIONS_PATH, {
        ...base,
        evaluations: entries,
        options: { evaluations_semantic: semantic },
      });
    expect(decisions((await run([yes, yes], 'deny_on_first_deny')).body)).toEqual([true, true]);
    expect(decisions((await run([no, no], 'permit_on_first_permit')).body)).toEqual([false, false]);
    expect(decisions((await run([no, yes], 'execute_all')).body)).toEqual([false, true]);
  });

  it.each([
    ['an unknown semantic', { options: { evaluations_semantic: 'all' } }, 'evaluations_semantic'],
    [
      'a semantic of a wrong type',
      { options: { evaluations_semantic: 1 } },
      'evaluations_semantic',
    ],
    ['options of a wrong type', { options: [] }, 'options'],
    ['evaluations of a wrong type', { evaluations: {} }, 'evaluations'],
    ['null evaluations', { evaluations: null }, 'evaluations'],
    ['too many entries', { evaluations: [yes, yes, yes, yes] }, 'more than 3'],
  ])('refuses %s with 400 BODY_INVALID and decides no entry', async (_name, change, place) => {
    const { url, governor } = await startServer({ config: 'server: { maxBatch: 3 }' });
    const body = { ...base, evaluations: [yes, yes], ...change };
    const answer = await post(url + EVALUATIONS_PATH, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ decision: false, context: { code: 'BODY_INVALID' } });
    expect(answer.body.context.reason).toContain(place);
    expect([...governor.counters.counts()].map(({ code }) => code)).toEqual(['REQUEST_INVALID']);
  });

  it('refuses defaults that would be copied into too many entries', async () => {
    const { url } = await startServer({ config: 'server: { bodyLimitBytes: 4096 }' });
    const context = { filler: 'x'.repeat(1_000) };
    const run = (entries: number) =>
      post(url + EVALUATIONS_PATH, {
        ...{ ...base, context },
        evaluations: Array.from({ length: entries }, () => yes),
      });
    expect((await run(50)).status).toBe(200);
    const refused = await run(70);
    expect([refused.status, refused.body.context.code]).toEqual([400, 'BODY_INVALID']);
    expect(refused.body.context.reason).toContain('the defaults are too large');
  });

  it('does not share one callId between entries', async () => {
    const { url } = await startServer({ grants: [limited] });
    const body = { ...base, callId: 'one', evaluations: [yes, yes] };
    const answer = await post(url + EVALUATIONS_PATH, body);
    expect(decisions(answer.body).filter(Boolean)).toHaveLength(1);
  });

  it('answers 200 while a stop covers some of the entries', async () => {
    const { url, governor } = await startServer();
    await governor.killSwitch.engage({
      scope: 'action',
      tool: 'git-map',
      action: 'tree',
      actor: 'op',
      reason: 'drill',
    });
    const entries = [{ action: { name: 'tree' } }, yes];
    const { status, body } = await post(url + EVALUATIONS_PATH, { ...base, evaluations: entries });
    expect([status, decisions(body)]).toEqual([200, [false, true]]);
    expect(body.evaluations[0].context.error).toMatchObject({ status: 503, code: 'KILLED_ACTION' });
  });

  it('answers 503 and denials while everything is stopped', async () => {
    const { url, governor } = await startServer();
    await governor.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'drill' });
    const { status, body, headers } = await post(url + EVALUATIONS_PATH, {
      ...base,
      evaluations: [yes, no],
    });
    expect(status).toBe(503);
    expect(headers.get('retry-after')).not.toBeNull();
    expect(decisions(body)).toEqual([false, false]);
    expect(body.evaluations[0].context).toMatchObject({
      code: 'KILLED_GLOBAL',
      error: { status: 503, code: 'KILLED_GLOBAL' },
    });
  });
});
