import type { KillScope, KillSwitchEntry } from '@cortex-governance/core';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { describeTarget, type KillOptions, killOrder, killSwitchCommand } from '../kill-order.ts';
import { withLocalSwitch } from '../local-kill-switch.ts';
import { printResult } from '../output.ts';
import { openServer } from '../server-access.ts';

/** `govern kill`: stops everything, or one tenant, agent, tool or action. */
export function killCommand(context: CliContext): Command {
  return killSwitchCommand(
    'kill',
    'Stop everything, or one tenant, agent, tool or action. Works without a server: every process that uses this .cortex folder takes the stop in.',
    [
      {
        line: 'govern kill global --reason "model is leaking"',
        meaning: 'Everything stops, in every process of this workspace.',
      },
      {
        line: 'govern kill action shell exec --tenant acme --reason "incident 42"',
        meaning: 'One action of one tool stops, for one tenant.',
      },
      {
        line: 'govern kill agent bot-7 --reason loop --url https://govern.example.com --token-file op.token',
        meaning: 'Ordered from a server elsewhere.',
      },
    ],
  ).action((scope: KillScope, names: readonly string[], options: KillOptions) =>
    kill(context, scope, names, options),
  );
}

async function kill(
  context: CliContext,
  scope: KillScope,
  names: readonly string[],
  options: KillOptions,
): Promise<void> {
  const order = killOrder(context, scope, names, options);
  const engaged =
    options.url === undefined
      ? await withLocalSwitch(context, options, (killSwitch) => killSwitch.engage(order))
      : (
          (await (
            await openServer(context, options)
          ).post('/kill', order, 'engaged')) as EngagedAnswer
        ).engaged;
  printResult(context, options.json, { engaged }, [
    `stopped: ${describeTarget(engaged)}, since ${engaged.at}`,
    `  by ${engaged.actor}: ${engaged.reason}`,
  ]);
}

interface EngagedAnswer {
  readonly engaged: KillSwitchEntry;
}
