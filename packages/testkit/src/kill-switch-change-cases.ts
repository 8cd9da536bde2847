import { KILL_BITS, type KillSwitchChange, type KillSwitchEntry } from '@cortex-governance/core';
import { expect, it } from 'vitest';
import { type Bench, COVERED, find, OTHER, order, TARGETS } from './kill-switch-cases.ts';

export function describeChanges({ first }: Bench): void {
  it('tells every change: what, who, why and when', async () => {
    const changes: KillSwitchChange[] = [];
    first().onChange((change) => changes.push(change));
    const target = { scope: 'agent', agent: 'bot', tenant: 'acme' } as const;
    await first().engage(order(target, 'ann', 'one'));
    await first().release(order(target, 'ben', 'two'));
    expect(changes.map(({ at, ...change }) => change)).toEqual([
      { type: 'engaged', target, actor: 'ann', reason: 'one' },
      { type: 'released', target, actor: 'ben', reason: 'two' },
    ]);
    for (const { at } of changes) expect(new Date(at).toISOString()).toBe(at);
  });

  it('has changed when the listener is told', async () => {
    const seen: number[] = [];
    first().onChange(() => seen.push(first().engaged()));
    await first().engage(order({ scope: 'global' }));
    await first().release(order({ scope: 'global' }));
    expect(seen).toEqual([KILL_BITS.global, 0]);
  });

  it('tells the others when one listener throws, and nobody who has ended', async () => {
    const told: string[] = [];
    first().onChange(() => {
      throw new Error('listener');
    });
    first().onChange(async () => {
      throw new Error('listener');
    });
    const end = first().onChange(() => told.push('ended'));
    first().onChange(() => told.push('last'));
    end();
    end();
    await first().engage(order({ scope: 'global' }));
    expect(told).toEqual(['last']);
  });

  it('tells nothing of a release that found nothing', async () => {
    const changes: KillSwitchChange[] = [];
    first().onChange((change) => changes.push(change));
    expect(await first().release(order({ scope: 'global' }))).toBeNull();
    expect(changes).toEqual([]);
  });
}

export function describeSharing({ first, open }: Bench): void {
  it('is in force in a switch that is opened later', async () => {
    const entries: KillSwitchEntry[] = [];
    for (const target of TARGETS) entries.push(await first().engage(order(target)));
    const later = await open();
    expect(later.engaged()).toBe(first().engaged());
    expect(later.status().entries).toEqual(entries);
    expect(find(later, COVERED)).toEqual(find(first(), COVERED));
  });

  it('takes over what another switch changed, on refresh, and tells it', async () => {
    const second = await open();
    const changes: KillSwitchChange[] = [];
    second.onChange((change) => changes.push(change));
    await first().engage(order({ scope: 'tenant', tenant: 'acme' }, OTHER, 'one'));
    await second.refresh();
    expect(second.engaged()).toBe(KILL_BITS.tenant);
    await first().release(order({ scope: 'tenant', tenant: 'acme' }, OTHER, 'two'));
    await second.refresh();
    expect(second.engaged()).toBe(0);
    expect(changes.map(({ type, actor, reason }) => [type, actor, reason])).toEqual([
      ['engaged', OTHER, 'one'],
      ['released', OTHER, 'two'],
    ]);
  });

  it('loses nothing when two switches are used at once', async () => {
    const second = await open();
    const orders = Array.from({ length: 20 }, (_, i) => order({ scope: 'agent', agent: `a${i}` }));
    await Promise.all(orders.map((o, i) => (i % 2 === 0 ? first() : second).engage(o)));
    await Promise.all([first().refresh(), second.refresh()]);
    for (const killSwitch of [first(), second, await open()]) {
      const agents = killSwitch.status().entries.map(({ agent }) => agent);
      expect(agents.sort()).toEqual(orders.map(({ agent }) => agent).sort());
    }
  });

  it('never rejects a refresh, and closes more than once', async () => {
    await expect(first().refresh()).resolves.toBeUndefined();
    await first().close();
    await first().close();
    await expect(first().refresh()).resolves.toBeUndefined();
  });
}
