import { rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  LIMITER_UNAVAILABLE,
  type PolicyBackend,
  type RateLimiter,
  REASON_CODES,
} from '@cortex-governance/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Case, CODES_ELSEWHERE, DISK_CASES, TEXT_CASES } from './same-answer/cases.ts';
import {
  openLibrary,
  openMcpProxy,
  openSidecar,
  openSyncLibrary,
  type Placement,
} from './same-answer/placements.ts';
import { createCaseWorkspace } from './same-answer/workspace.ts';

const OPERATOR = { actor: 'op', reason: 'drill' };
const ALL = [openLibrary, openSidecar, openMcpProxy];

/** Puts the placement into the state of the case, asks, and undoes the stops. */
async function answer(placement: Placement, asked: Case): Promise<[string, string]> {
  for (let i = 0; i < asked.before; i += 1) await placement.ask(asked);
  for (const stop of asked.stops)
    await placement.governor.killSwitch.engage({ ...stop, ...OPERATOR });
  const { effect, code } = await placement.ask(asked);
  for (const stop of asked.stops)
    await placement.governor.killSwitch.release({ ...stop, ...OPERATOR });
  return [effect, code];
}

async function sabotage({ governor }: Placement, how: Case['sabotage']): Promise<void> {
  if (how === 'close') await governor.close();
  if (how === 'end-evidence') await governor.evidence.close();
  if (how === 'break-kill-switch') await writeFile(governor.paths.killSwitchFile, '{"version":');
}

describe('the same request gets the same answer in every placement', () => {
  const placements: Placement[] = [];
  let root: string;

  beforeAll(async () => {
    root = await createCaseWorkspace();
    for (const open of [...ALL, openSyncLibrary]) placements.push(await open(root));
  });

  afterAll(async () => {
    for (const placement of placements) await placement.close();
    await rm(dirname(root), { recursive: true, force: true });
  });

  it('covers enough, and every code that a verdict can have', () => {
    const cases = [...TEXT_CASES, ...DISK_CASES];
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    const verdictCodes = Object.entries(REASON_CODES).flatMap(([code, { effect }]) =>
      effect ? [code] : [],
    );
    const covered = new Set([...cases.map(({ code }) => code), ...Object.keys(CODES_ELSEWHERE)]);
    expect(verdictCodes.filter((code) => !covered.has(code as never))).toEqual([]);
  });

  it.each(TEXT_CASES)('$code: $name', async (asked) => {
    const answers: unknown[] = [];
    for (const placement of placements)
      answers.push([placement.name, ...(await answer(placement, asked))]);
    expect(answers).toEqual(placements.map(({ name }) => [name, asked.effect, asked.code]));
  });

  it.each(DISK_CASES.filter(({ sabotage: how }) => how === null))('$code: $name', async (asked) => {
    const answers: unknown[] = [];
    const onDisk = placements.filter(({ name }) => name !== 'library, synchronous');
    for (const placement of onDisk)
      answers.push([placement.name, ...(await answer(placement, asked))]);
    expect(answers).toEqual(onDisk.map(({ name }) => [name, asked.effect, asked.code]));
  });
});

describe('the same failure gets the same answer in every placement', () => {
  const broken: PolicyBackend = {
    name: 'broken',
    evaluate: () => {
      throw new Error('boom');
    },
  };
  const refusing: PolicyBackend = {
    name: 'refusing',
    evaluate: () => ({ effect: 'deny', reason: 'night', obligations: [] }),
  };
  const plain = TEXT_CASES[0] as Case;

  async function answers(asked: Case, options: object = {}, config?: string): Promise<unknown[]> {
    const given: unknown[] = [];
    for (const open of ALL) {
      const root = await createCaseWorkspace(config);
      const placement = await open(root, options);
      await sabotage(placement, asked.sabotage);
      given.push(await answer(placement, asked));
      await placement.close();
      await rm(dirname(root), { recursive: true, force: true });
    }
    return given;
  }

  it.each(DISK_CASES.filter(({ sabotage: how }) => how !== null))('$code: $name', async (asked) => {
    expect(await answers(asked)).toEqual(ALL.map(() => [asked.effect, asked.code]));
  });

  it.each([
    ['ENGINE_FAULT', broken],
    ['POLICY_DENIED', refusing],
  ])('%s: a policy backend', async (code, policy) => {
    expect(await answers(plain, { policy })).toEqual(ALL.map(() => ['deny', code]));
  });

  it('LIMITER_UNAVAILABLE: a limiter without its store', async () => {
    const limiter: RateLimiter = {
      take: () => LIMITER_UNAVAILABLE,
      settle: () => false,
      cancel: () => false,
      reservedBy: () => undefined,
      inspect: () => [],
      prepare: null,
      notice: '',
      size: () => 0,
      close: async () => {},
    };
    expect(await answers(plain, { limiter })).toEqual(
      ALL.map(() => ['deny', 'LIMITER_UNAVAILABLE']),
    );
  });

  it('LIMITER_FULL: no room for another key', async () => {
    const asked: Case = { ...plain, before: 0, tenant: 'globex' };
    const given: unknown[] = [];
    for (const open of ALL) {
      const root = await createCaseWorkspace('limiter: { maxKeys: 1 }');
      const placement = await open(root);
      await placement.ask(plain);
      given.push(await answer(placement, asked));
      await placement.close();
      await rm(dirname(root), { recursive: true, force: true });
    }
    expect(given).toEqual(ALL.map(() => ['deny', 'LIMITER_FULL']));
  });
});

describe('placements that can name a resource type', () => {
  it('deny every type but a tool', async () => {
    const root = await createCaseWorkspace();
    const sidecar = await openSidecar(root);
    const library = await openLibrary(root);
    const resource = { type: 'file', id: 'files' };
    const subject = { type: 'agent', id: 'a1' };
    const request = { tenant: 'acme', subject, action: { name: 'read' }, resource };
    expect(await library.governor.evaluate(request)).toMatchObject({
      code: 'RESOURCE_TYPE_UNKNOWN',
    });
    expect(sidecar.governor.decide(request)).toMatchObject({ code: 'RESOURCE_TYPE_UNKNOWN' });
    await sidecar.close();
    await library.close();
    await rm(dirname(root), { recursive: true, force: true });
  });
});
