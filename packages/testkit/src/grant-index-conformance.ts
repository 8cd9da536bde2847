import {
  type Attributes,
  type DecisionRequest,
  type GrantIndex,
  type GrantReload,
  REASON_CODES,
} from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** An index under test, what is in it, and how to change what it reads from. It must not watch by itself. */
export interface GrantIndexFixture {
  readonly index: GrantIndex;
  /** Tools of the grants; at least one. */
  readonly tools: readonly string[];
  /** A call that a grant allows, by its arguments, to every tenant and subject. */
  readonly allowed: { readonly tool: string; readonly action: string; readonly args: Attributes };
  /** Arguments of the same action that its grant refuses. */
  readonly refused: Attributes;
  /** Makes the source hold other grants, all of them good. */
  change(): Promise<void>;
  /** Makes one grant of the source bad. */
  spoil(): Promise<void>;
  /** Takes back the latest {@link spoil}. */
  repair(): Promise<void>;
}

/** Names that careless lookups find on every object. */
const INHERITED = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', ''];

type Factory = () => Promise<GrantIndexFixture>;

/** The cases that every {@link GrantIndex} must pass. Call at the top level of a test file. */
export function describeGrantIndex(name: string, factory: Factory): void {
  describe(`${name} (GrantIndex)`, () => {
    describeSnapshots(factory);
    describeHash(factory);
    describeChanges(factory);
    describeFailures(factory);
    describeListeners(factory);
    describeCalls(factory);
    describeAnyArguments(factory);
  });
}

async function withFixture(
  factory: Factory,
  test: (fixture: GrantIndexFixture) => Promise<void> | void,
): Promise<void> {
  const fixture = await factory();
  try {
    await test(fixture);
  } finally {
    await fixture.index.close();
  }
}

function describeSnapshots(factory: Factory): void {
  it('finds every tool by its exact name, and no other', () =>
    withFixture(factory, ({ index, tools }) => {
      const snapshot = index.current();
      expect([...snapshot.tools()].sort()).toEqual([...tools].sort());
      for (const tool of tools) {
        expect(snapshot.find(tool)?.tool).toBe(tool);
        for (const near of [`${tool} `, `${tool}x`, ` ${tool}`, `${tool}\0`, tool.slice(1)]) {
          if (!tools.includes(near)) expect(snapshot.find(near), near).toBeUndefined();
        }
      }
      for (const other of INHERITED) expect(snapshot.find(other), other).toBeUndefined();
    }));

  it('finds each action of a grant by its exact name, and no other', () =>
    withFixture(factory, ({ index, tools }) => {
      for (const tool of tools) {
        const grant = index.current().find(tool);
        const actions = grant?.actions() ?? [];
        expect(actions.length).toBeGreaterThan(0);
        for (const action of actions) expect(grant?.action(action)?.name).toBe(action);
        for (const other of INHERITED) expect(grant?.action(other), other).toBeUndefined();
      }
    }));

  it('names tool and action in the limit of each action, with amounts and times that can be counted', () =>
    withFixture(factory, ({ index, tools }) => {
      for (const tool of tools) {
        const grant = index.current().find(tool);
        for (const name of grant?.actions() ?? []) {
          const limit = grant?.action(name)?.limit ?? null;
          if (limit === null) continue;
          expect(limit).toMatchObject({ tool, action: name });
          expect(limit.limits.length).toBeGreaterThan(0);
          for (const single of limit.limits) {
            expect(Number.isSafeInteger(single.limit) && single.limit > 0).toBe(true);
            expect('windowMs' in single ? single.windowMs : single.leaseMs).toBeGreaterThan(0);
          }
        }
      }
    }));
}

function describeHash(factory: Factory): void {
  it('has a SHA-256 for a hash, the same in its status and for the same source', async () => {
    const hashes = new Set<string>();
    for (let i = 0; i < 2; i += 1) {
      await withFixture(factory, ({ index }) => {
        const { policyHash, epoch } = index.current();
        expect(policyHash).toMatch(/^[0-9a-f]{64}$/);
        expect(index.status()).toMatchObject({ policyHash, epoch, problems: [] });
        hashes.add(policyHash);
      });
    }
    expect(hashes.size).toBe(1);
  });

  it('says in its status what is loaded and when', () =>
    withFixture(factory, ({ index, tools }) => {
      const { grants, loadedAt } = index.status();
      expect(grants).toBe(tools.length);
      expect(new Date(loadedAt).toISOString()).toBe(loadedAt);
    }));
}

function describeChanges(factory: Factory): void {
  it('swaps the whole snapshot on a change, and leaves the old one as it was', () =>
    withFixture(factory, async ({ index, tools, change }) => {
      const before = index.current();
      await change();
      const reload = await index.reload();
      const after = index.current();
      expect(reload).toMatchObject({
        ok: true,
        changed: true,
        policyHash: after.policyHash,
        problems: [],
      });
      expect(after.policyHash).not.toBe(before.policyHash);
      expect(after.epoch).toBe(before.epoch + 1);
      expect([...before.tools()].sort()).toEqual([...tools].sort());
    }));

  it('keeps the snapshot when nothing changed', () =>
    withFixture(factory, async ({ index }) => {
      const before = index.current();
      expect(await index.reload()).toMatchObject({
        ok: true,
        changed: false,
        policyHash: before.policyHash,
      });
      expect(index.current()).toBe(before);
    }));
}

function describeFailures(factory: Factory): void {
  it('keeps the last good snapshot while a grant is bad, and says why', () =>
    withFixture(factory, async ({ index, spoil, repair }) => {
      const before = index.current();
      await spoil();
      const reload = await index.reload();
      expect(reload).toMatchObject({ ok: false, changed: false, policyHash: before.policyHash });
      expect(reload.problems.length).toBeGreaterThan(0);
      expect(index.current()).toBe(before);
      expect(index.status().problems).toEqual(reload.problems);
      await repair();
      expect((await index.reload()).ok).toBe(true);
      expect(index.status().problems).toEqual([]);
      expect(index.current().policyHash).toBe(before.policyHash);
    }));
}

function describeListeners(factory: Factory): void {
  it('calls back on changes and failures, survives a listener that throws, and stops when told', () =>
    withFixture(factory, async ({ index, change, spoil }) => {
      const seen: GrantReload[] = [];
      index.onReload(() => {
        throw new Error('a listener that fails');
      });
      const stop = index.onReload((reload) => seen.push(reload));
      await index.reload();
      expect(seen).toEqual([]);
      await change();
      await index.reload();
      await spoil();
      await index.reload();
      expect(seen.map(({ ok }) => ok)).toEqual([true, false]);
      stop();
      await index.reload();
      expect(seen).toHaveLength(2);
    }));

  it('answers reloads at the same time, each with what was there when it was asked', () =>
    withFixture(factory, async ({ index, change }) => {
      const early = index.reload();
      await change();
      const late = await Promise.all([index.reload(), index.reload(), index.reload()]);
      await early;
      for (const reload of late) expect(reload.policyHash).toBe(index.current().policyHash);
    }));

  it('answers after close, and does not reject', () =>
    withFixture(factory, async ({ index }) => {
      const before = index.current();
      await index.close();
      await index.close();
      expect((await index.reload()).ok).toBe(false);
      expect(index.current()).toBe(before);
    }));
}

function requestFor(tool: string, action: string): DecisionRequest {
  return {
    tenant: 'default',
    subject: { type: 'agent', id: 'conformance' },
    action: { name: action },
    resource: { type: 'tool', id: tool },
  };
}

function describeCalls(factory: Factory): void {
  it('allows the allowed call, and says which argument of the refused one is wrong', () =>
    withFixture(factory, async ({ index, allowed, refused }) => {
      const grant = index.current().find(allowed.tool);
      const action = grant?.action(allowed.action);
      expect(grant?.checkSubject(requestFor(allowed.tool, allowed.action))).toBeNull();
      expect(action?.checkArguments(allowed.args)).toBeNull();
      const problem = action?.checkArguments(refused) ?? null;
      expect(problem).not.toBeNull();
      if (problem !== null) expect(REASON_CODES[problem.code].effect).toBe('deny');
      expect((await action?.resolvePaths(refused))?.problem).not.toBeNull();
    }));

  it('resolves to a copy that shares nothing with the arguments', () =>
    withFixture(factory, async ({ index, allowed }) => {
      const action = index.current().find(allowed.tool)?.action(allowed.action);
      const given = structuredClone(allowed.args);
      const resolved = await action?.resolvePaths(allowed.args);
      expect(resolved?.problem).toBeNull();
      expect(resolved?.args).not.toBe(allowed.args);
      expect(allowed.args).toEqual(given);
    }));
}

function describeAnyArguments(factory: Factory): void {
  it('answers for any arguments, without throwing or rejecting', () =>
    withFixture(factory, async ({ index, allowed }) => {
      const action = index.current().find(allowed.tool)?.action(allowed.action);
      await fc.assert(
        fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (args) => {
          const problem = action?.checkArguments(args);
          const resolved = await action?.resolvePaths(args);
          // What the text alone refuses, the disk cannot allow.
          if (problem !== null) expect(resolved?.problem).not.toBeNull();
        }),
      );
    }));
}
