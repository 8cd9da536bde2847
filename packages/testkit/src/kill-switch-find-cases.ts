import { KILL_BITS, type KillTarget } from '@cortex-governance/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type Bench,
  COVERED,
  covers,
  find,
  label,
  NAMES,
  order,
  TARGETS,
} from './kill-switch-cases.ts';

export function describeNarrowing({ first }: Bench): void {
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

export function describeAlgebra({ first, open }: Bench): void {
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
