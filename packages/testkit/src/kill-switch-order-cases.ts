import { GovernanceError, KILL_BITS, type KillOrder } from '@cortex-governance/core';
import { expect, it } from 'vitest';
import { type Bench, COVERED, find, label, OTHER, order, TARGETS } from './kill-switch-cases.ts';

export function describeOrders({ first }: Bench): void {
  it('stops nothing at first', () => {
    expect(first().engaged()).toBe(0);
    expect(find(first(), COVERED)).toBeNull();
    expect(first().status()).toMatchObject({ readable: true, problem: '', entries: [] });
  });

  it.each(TARGETS.map((target) => [label(target), target] as const))(
    'stops %s',
    async (_, target) => {
      const entry = await first().engage(order(target));
      expect(entry).toEqual({ ...target, actor: 'ops', reason: 'drill', at: entry.at });
      expect(new Date(entry.at).toISOString()).toBe(entry.at);
      expect(first().engaged()).toBe(KILL_BITS[target.scope]);
      expect(find(first(), COVERED)).toEqual(target.scope === 'global' ? null : entry);
      expect(first().status().entries).toEqual([entry]);
      expect(await first().release(order(target, OTHER))).toEqual(entry);
      expect(first().engaged()).toBe(0);
      expect(find(first(), COVERED)).toBeNull();
      expect(first().status().entries).toEqual([]);
    },
  );

  it('is in force before the promise settles', async () => {
    const done = first().engage(order({ scope: 'global' }));
    expect(first().engaged()).toBe(KILL_BITS.global);
    await done;
    expect(first().engaged()).toBe(KILL_BITS.global);
  });

  it('releases nothing but the very target', async () => {
    const entry = await first().engage(order({ scope: 'tool', tool: 'shell', tenant: 'acme' }));
    for (const target of TARGETS.filter(({ scope, tenant }) => scope !== 'tool' || !tenant)) {
      expect(await first().release(order(target)), label(target)).toBeNull();
    }
    expect(first().status().entries).toEqual([entry]);
  });
}

export function describeRepetition({ first }: Bench): void {
  it('keeps who stopped first, when a target is stopped twice', async () => {
    const entry = await first().engage(order({ scope: 'tool', tool: 'shell' }, 'ann', 'one'));
    const again = await first().engage(order({ scope: 'tool', tool: 'shell' }, 'ben', 'two'));
    expect(again).toEqual(entry);
    expect(first().status().entries).toEqual([entry]);
    expect(await first().release(order({ scope: 'tool', tool: 'shell' }))).toEqual(entry);
    expect(first().engaged()).toBe(0);
  });

  it('ends in the order of the calls, when they overlap', async () => {
    const target = { scope: 'global' } as const;
    const calls = [
      first().engage(order(target, 'a')),
      first().release(order(target, 'b')),
      first().engage(order(target, 'c')),
    ];
    expect(first().engaged()).toBe(KILL_BITS.global);
    await Promise.all(calls);
    expect(first().engaged()).toBe(KILL_BITS.global);
    await Promise.all([first().engage(order(target)), first().release(order(target))]);
    expect(first().engaged()).toBe(0);
  });

  it('raises its version with every change', async () => {
    const versions = [first().status().version];
    await first().engage(order({ scope: 'global' }));
    versions.push(first().status().version);
    await first().release(order({ scope: 'global' }));
    versions.push(first().status().version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });
}

const BAD_ORDERS: readonly unknown[] = [
  null,
  'global',
  [],
  {},
  { scope: 'global' },
  { scope: 'global', actor: 'ops' },
  { scope: 'global', actor: '', reason: 'x' },
  { scope: 'global', actor: 'ops', reason: ' \n' },
  { scope: 'global', actor: 'ops', reason: 'x'.repeat(513) },
  { scope: 'global', actor: 'x'.repeat(513), reason: 'x' },
  { scope: 'global', actor: 7, reason: 'x' },
  { scope: 'global', actor: 'ops', reason: '\ud800' },
  { scope: 'everything', actor: 'ops', reason: 'x' },
  { scope: 'global', tenant: 'acme', actor: 'ops', reason: 'x' },
  { scope: 'tenant', actor: 'ops', reason: 'x' },
  { scope: 'tenant', tenant: '', actor: 'ops', reason: 'x' },
  { scope: 'tenant', tenant: 'x'.repeat(257), actor: 'ops', reason: 'x' },
  { scope: 'agent', tenant: 'acme', actor: 'ops', reason: 'x' },
  { scope: 'agent', agent: 'bot', tool: 'shell', actor: 'ops', reason: 'x' },
  { scope: 'tool', action: 'run', actor: 'ops', reason: 'x' },
  { scope: 'action', tool: 'shell', actor: 'ops', reason: 'x' },
  { scope: 'action', action: 'run', actor: 'ops', reason: 'x' },
  { scope: 'global', actor: 'ops', reason: 'x', until: 'tomorrow' },
];

export function describeRefusals({ first }: Bench): void {
  it.each(BAD_ORDERS.map((bad) => [JSON.stringify(bad)?.slice(0, 60), bad] as const))(
    'refuses the order %s',
    async (_, bad) => {
      for (const attempt of [first().engage(bad as KillOrder), first().release(bad as KillOrder)]) {
        const error: unknown = await attempt.catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(GovernanceError);
        expect((error as GovernanceError).code).toBe('OPTIONS_INVALID');
      }
      expect(first().engaged()).toBe(0);
    },
  );
}
