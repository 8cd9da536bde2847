import { join } from 'node:path';
import { canonicalDigest, type DecisionRequest } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionRecord, EventRecord } from '../src/index.ts';
import { allowed, call, openWriter, recordsOf, temporaryFolder } from './support.ts';

async function written(mask: readonly string[], request: DecisionRequest): Promise<DecisionRecord> {
  const dir = await temporaryFolder();
  const writer = await openWriter({ dir, mask });
  writer.appendDecision(request, allowed());
  await writer.close();
  return (await recordsOf(join(dir, 'default')))[0] as DecisionRecord;
}

describe('a mask', () => {
  it('takes a value out before it is hashed, so that the digest gives nothing away', async () => {
    const args = { user: 'ann', password: 'hunter2' };
    const record = await written(['/action/properties/password'], call(args));
    expect(record.argsDigest).toBe(canonicalDigest({ ...args, password: '[masked]' }));
    expect(args.password).toBe('hunter2');
  });

  it.each([
    ['/action/properties/a~1b', { 'a/b': 1 }, { 'a/b': '[masked]' }],
    ['/action/properties/m~0n', { 'm~n': 1 }, { 'm~n': '[masked]' }],
    ['/action/properties/', { '': 1, x: 2 }, { '': '[masked]', x: 2 }],
    ['/action/properties/list/1', { list: [1, 2, 3] }, { list: [1, '[masked]', 3] }],
    ['/action/properties/list/7', { list: [1] }, { list: [1] }],
    ['/action/properties/list/length', { list: [1] }, { list: [1] }],
    ['/action/properties/*/key', { a: { key: 1 }, b: 2 }, { a: { key: '[masked]' }, b: 2 }],
    ['/action/properties/list/*', { list: [{ x: 1 }, 2] }, { list: ['[masked]', '[masked]'] }],
    ['/action/properties/*', { a: null, b: {} }, { a: '[masked]', b: '[masked]' }],
    ['/action/properties/a/b', { a: 'text' }, { a: 'text' }],
    ['/action/properties/constructor', { a: 1 }, { a: 1 }],
  ])('%s turns %j into %j', async (pointer, args, masked) => {
    const record = await written([pointer], call(args));
    expect(record.argsDigest).toBe(canonicalDigest(masked));
  });

  it('reaches context, subject, resource and the session in the record', async () => {
    const plain = call();
    const request = {
      ...plain,
      subject: { ...plain.subject, properties: { name: 'Ann' } },
      resource: { ...plain.resource, properties: { owner: 'Bob' } },
      context: { session: 's-1', ip: '10.0.0.1' },
    };
    const record = await written(
      ['/subject/properties/name', '/resource/properties/owner', '/context/*'],
      request,
    );
    expect(record.subjectPropertiesDigest).toBe(canonicalDigest({ name: '[masked]' }));
    expect(record.resourcePropertiesDigest).toBe(canonicalDigest({ owner: '[masked]' }));
    expect(record.contextDigest).toBe(canonicalDigest({ session: '[masked]', ip: '[masked]' }));
    expect(record.session).toBe('[masked]');
  });

  it("masks events' properties, and what the caller holds stays as it is", async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, mask: ['/event/who'] });
    const properties = { who: 'ann', why: 'drill' };
    writer.appendEvent({ type: 'kill_switch', properties });
    await writer.close();
    const [record] = await recordsOf(join(dir, 'default'));
    expect((record as EventRecord).properties).toEqual({ who: '[masked]', why: 'drill' });
    expect(properties.who).toBe('ann');
  });

  it.each([
    ['', /must lead below/],
    ['/', /must lead below/],
    ['/context', /must lead below/],
    ['/tenant/x', /must lead below/],
    ['/subject/id', /must lead below/],
    ['context/x', /must lead below/],
    ['/context/~2', /RFC 6901/],
    ['/context/a~', /RFC 6901/],
    [`/context${'/a'.repeat(33)}`, /more than 32 tokens/],
  ])('refuses the pointer %j', async (pointer, problem) => {
    const dir = await temporaryFolder();
    await expect(openWriter({ dir, mask: [pointer] })).rejects.toThrow(problem);
  });

  it('never lets a masked value through, wherever it stands', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({
      dir,
      mask: ['/event/*/*/secret', '/event/*/secret', '/event/secret'],
    });
    const secret = 'S3CRET';
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.constant(null));
    const holder = fc.dictionary(fc.string(), leaf).map((members) => ({ ...members, secret }));
    const level1 = fc.dictionary(fc.string(), holder).map((members) => ({ ...members, secret }));
    const events = fc.dictionary(fc.string(), level1).map((members) => ({ ...members, secret }));
    fc.assert(
      fc.property(events, (properties) => {
        writer.appendEvent({ type: 'test', properties });
      }),
      { numRuns: 100 },
    );
    await writer.close();
    const records = await recordsOf(join(dir, 'default'));
    expect(records).toHaveLength(100);
    expect(JSON.stringify(records)).not.toContain(secret);
    expect(JSON.stringify(records)).toContain('[masked]');
  });
});

describe('session and trace', () => {
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  it.each([
    [{ session: 's-1', traceparent: trace }, 's-1', trace],
    [{}, null, null],
    [{ session: '', traceparent: '' }, null, null],
    [{ session: 7, traceparent: 7 }, null, null],
    [{ session: 'x'.repeat(257), traceparent: `${trace}-x` }, null, null],
    [{ session: 'x'.repeat(256), traceparent: trace.toUpperCase() }, 'x'.repeat(256), null],
    [{ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }, null, null],
    [{ traceparent: trace.replace('00-', 'ff-') }, null, null],
  ])('come from the context %j', async (context, session, traceparent) => {
    const record = await written([], { ...call(), context });
    expect(record.session).toBe(session);
    expect(record.trace).toBe(traceparent);
  });
});
