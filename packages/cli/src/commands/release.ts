import type { KillScope, KillSwitchEntry } from '@cortex-governance/core';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { describeTarget, type KillOptions, killOrder, killSwitchCommand } from '../kill-order.ts';
import { withLocalSwitch } from '../local-kill-switch.ts';
import { printResult } from '../output.ts';
import { openServer } from '../server-access.ts';

/** `govern release`: ends a stop. */
export function releaseCommand(context: CliContext): Command {
  return killSwitchCommand('release', 'End a stop. Exit 1 when there is no such stop.', [
    { line: 'govern release global --reason "fixed in 1.4.2"', meaning: 'Everything goes on.' },
    {
      line: 'govern release tool git-map --reason reviewed',
      meaning: 'Ends the stop of that tool, and no other stop.',
    },
  ]).action((scope: KillScope, names: readonly string[], options: KillOptions) =>
    release(context, scope, names, options),
  );
}

async function release(
  context: CliContext,
  scope: KillScope,
  names: readonly string[],
  options: KillOptions,
): Promise<void> {
  const order = killOrder(context, scope, names, options);
  const released =
    options.url === undefined
      ? await withLocalSwitch(context, options, (killSwitch) => killSwitch.release(order))
      : (
          (await (
            await openServer(context, options)
          ).post('/release', order, 'released')) as ReleasedAnswer
        ).released;
  context.exit = released === null ? 'NO' : 'OK';
  const target = describeTarget(order);
  printResult(context, options.json, { released }, [
    released === null
      ? `nothing to release: no stop of ${target} is in force`
      : `released: ${target}, stopped since ${released.at} by ${released.actor}`,
  ]);
}

interface ReleasedAnswer {
  readonly released: KillSwitchEntry | null;
}
