import {
  GovernanceError,
  KILL_BITS,
  type KillOrder,
  type KillSwitch,
  type KillSwitchChange,
  type KillSwitchEntry,
  type KillTarget,
} from '@cortex-governance/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A state under test, empty at first. */
export interface KillSwitchFixture {
  /** Opens a switch on the state. Each is like that of another process. */
  open(): Promise<KillSwitch>;
  /** Removes the state, when all switches are closed. */
  remove(): Promise<void>;
}

/** Hands out the switches of one test; `open` adds another one on the same state. */
interface Bench {
  first(): KillSwitch;
  open(): Promise<KillSwitch>;
}

const OTHER = 'somebody else';

const TARGETS: readonly KillTarget[] = [
  { scope: 'global' },
  { scope: 'tenant', tenant: 'acme' },
  { scope: 'agent', agent: 'bot' },
  { scope: 'agent', agent: 'bot', tenant: 'acme' },
  { scope: 'tool', tool: 'shell' },
  { scope: 'tool', tool: 'shell', tenant: 'acme' },
  { scope: 'action', tool: 'shell', action: 'run' },
  { scope: 'action', tool: 'shell', action: 'run', tenant: 'acme' },
];

/** The call that every target of {@link TARGETS} covers, and calls that differ in one name each. */
const COVERED = ['acme', 'bot', 'shell', 'run'] as const;
const NAMES = { tenant: 0, agent: 1, tool: 2, action: 3 } as const;

function order(target: KillTarget, actor = 'ops', reason = 'drill'): KillOrder {
  return { ...target, actor, reason };
}

function label({ scope, tenant, agent, tool, action }: KillTarget): string {
  return JSON.stringify({ scope, tenant, agent, tool, action });
}

function find(on: KillSwitch, call: readonly string[]): KillSwitchEntry | null {
  const [tenant = '', agent = '', tool = '', action = ''] = call;
  return on.find(tenant, agent, tool, action);
}

/** The definition of `find`, as a filter over all entries. */
function covers(entry: KillSwitchEntry, call: readonly string[]): boolean {
  if (entry.scope === 'global') return false;
  return Object.entries(NAMES).every(([name, place]) => {
    const wanted = entry[name as keyof typeof NAMES];
    return wanted === undefined || wanted === call[place];
  });
}

/** What every `KillSwitch` must do. Call it at the top level of a test file. */
export function describeKillSwitch(name: string, create: () => Promise<KillSwitchFixture>): void {
  describe(`${name} is a KillSwitch`, () => {
    let fixture: KillSwitchFixture;
    let opened: KillSwitch[] = [];
    const open = async (): Promise<KillSwitch> => {
      const killSwitch = await fixture.open();
      opened.push(killSwitch);
      return killSwitch;
    };
    beforeEach(async () => {
      fixture = await create();
      opened = [];
      await open();
    });
    afterEach(async () => {
      await Promise.all(opened.map((killSwitch) => killSwitch.close()));
      await fixture.remove();
    });
    const first = (): KillSwitch => {
      const [killSwitch] = opened;
      if (killSwitch === undefined) throw new Error('no switch is open');
      return killSwitch;
    };
    const bench: Bench = { first, open };
    describeOrders(bench);
    describeRepetition(bench);
    describeNarrowing(bench);
    describeRefusals(bench);
    describeChanges(bench);
    describeSharing(bench);
    describeAlgebra(bench);
  });
}

function describeOrders({ first }: Bench): void {
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

function describeRepetition({ first }: Bench): void {
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

function describeNarrowing({ first }: Bench): void {
  it.each(
    TARGETS.filter(({ scope }) => scope !== 'global').map(
      (target) => [label(target), target] as const,
    ),
  )('covers with %s only calls with these names', async (_, target) => {
    await first().engage(order(target));
    for (const [name, place] of Object.entries(NAMES)) {
      const named = target[name as keyof typeof NAMES] !== undefined;
      for (const wrong of ['other', '', `${COVERED[place]} `, COVERED[place].toUpperCase()]) {
        const call = COVERED.with(place, wrong as never);
        expect(find(first(), call) !== null, `${name} = "${wrong}"`).toBe(!named);
      }
    }
  });

  it('keeps names apart that a joined key would confuse', async () => {
    await first().engage(order({ scope: 'action', tool: 'a', action: 'b:c' }));
    await first().engage(order({ scope: 'agent', agent: '__proto__' }));
    expect(find(first(), ['t', 'x', 'a:b', 'c'])).toBeNull();
    expect(find(first(), ['t', 'constructor', 'x', 'y'])).toBeNull();
    expect(find(first(), ['t', '__proto__', 'x', 'y'])).not.toBeNull();
    expect(find(first(), ['t', 'x', 'a', 'b:c'])).not.toBeNull();
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

function describeRefusals({ first }: Bench): void {
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

function describeChanges({ first }: Bench): void {
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

function describeSharing({ first, open }: Bench): void {
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

function describeAlgebra({ first, open }: Bench): void {
  const command = fc.record({
    engage: fc.boolean(),
    target: fc.constantFrom(...TARGETS),
    other: fc.boolean(),
    actor: fc.constantFrom('ann', 'ben'),
  });
  const calls = [
    COVERED,
    ...Object.values(NAMES).map((place) => COVERED.with(place, 'other' as never)),
  ];

  it('equals a list of entries, for any history over two switches', async () => {
    const second = await open();
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 12 }), async (commands) => {
        const model = new Map<string, KillTarget>();
        for (const target of TARGETS) await first().release(order(target));
        for (const { engage, target, other, actor } of commands) {
          const killSwitch = other ? second : first();
          await killSwitch.refresh();
          const known = model.has(label(target));
          if (engage) {
            await killSwitch.engage(order(target, actor));
            model.set(label(target), target);
          } else {
            expect((await killSwitch.release(order(target, actor))) !== null).toBe(known);
            model.delete(label(target));
          }
          const bits = [...model.values()].reduce((sum, { scope }) => sum | KILL_BITS[scope], 0);
          expect(killSwitch.engaged()).toBe(bits);
          const { entries } = killSwitch.status();
          expect(entries.map(label).sort()).toEqual([...model.keys()].sort());
          for (const call of calls) {
            const found = find(killSwitch, call);
            expect(found !== null).toBe(entries.some((entry) => covers(entry, call)));
            if (found !== null) expect(covers(found, call)).toBe(true);
          }
        }
      }),
      { numRuns: 15 },
    );
  });
}
