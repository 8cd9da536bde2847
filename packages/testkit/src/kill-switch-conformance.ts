import type { KillSwitch } from '@cortex-governance/core';
import { afterEach, beforeEach, describe } from 'vitest';
import type { Bench, KillSwitchFixture } from './kill-switch-cases.ts';
import { describeChanges, describeSharing } from './kill-switch-change-cases.ts';
import { describeAlgebra, describeNarrowing } from './kill-switch-find-cases.ts';
import { describeOrders, describeRefusals, describeRepetition } from './kill-switch-order-cases.ts';

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
