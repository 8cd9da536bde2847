import {
  KILL_SCOPES,
  type KillOrder,
  type KillScope,
  type KillTarget,
} from '@cortex-governance/core';
import { Argument, type Command } from 'commander';
import type { CliContext } from './cli-context.ts';
import { usageError } from './cli-error.ts';
import { type CommandExample, leafCommand } from './leaf-command.ts';
import { osUser } from './os-user.ts';
import { type ServerOptions, tokenFileOption, urlOption } from './server-access.ts';

/** Options of `govern kill` and `govern release`. */
export interface KillOptions extends ServerOptions {
  readonly tenant?: string;
  readonly agent?: string;
  readonly tool?: string;
  readonly action?: string;
  readonly reason: string;
  readonly actor?: string;
}

/** The members that a scope needs, in the order in which they may follow it on the command line. */
const NEEDED: Readonly<Record<KillScope, readonly (keyof KillTarget)[]>> = {
  global: [],
  tenant: ['tenant'],
  agent: ['agent'],
  tool: ['tool'],
  action: ['tool', 'action'],
};

/** A command that orders a change of the kill switch. */
export function killSwitchCommand(
  name: string,
  description: string,
  examples: readonly CommandExample[],
): Command {
  return leafCommand(name, description, examples)
    .addArgument(new Argument('<scope>', 'what it covers').choices(KILL_SCOPES))
    .argument('[names...]', 'the tenant, agent, tool, or tool and action, as the scope needs')
    .requiredOption('--reason <text>', 'why; kept in the switch and in evidence')
    .option('--actor <name>', 'who orders it (default: the user of the operating system)')
    .option('--tenant <id>', 'narrow it to one tenant')
    .option('--agent <id>', 'the agent')
    .option('--tool <id>', 'the tool')
    .option('--action <name>', 'the action')
    .addOption(urlOption('order it from a running server, in place of the file here'))
    .addOption(tokenFileOption());
}

/** The order that a command line gives. @throws {CliError} USAGE */
export function killOrder(
  context: CliContext,
  scope: KillScope,
  names: readonly string[],
  options: KillOptions,
): KillOrder {
  const needed = NEEDED[scope];
  if (names.length > needed.length) {
    throw usageError(
      `scope ${scope} takes ${needed.length} name${needed.length === 1 ? '' : 's'}, not ${names.length}`,
    );
  }
  const target: Record<string, string> = {};
  for (const member of ['tenant', 'agent', 'tool', 'action'] as const) {
    const named = options[member];
    if (named !== undefined) target[member] = named;
  }
  for (const [i, name] of names.entries()) {
    const member = needed[i] as string;
    if (target[member] !== undefined) throw usageError(`the ${member} is given twice`);
    target[member] = name;
  }
  for (const member of needed) {
    if (target[member] === undefined) throw usageError(`scope ${scope} needs the ${member}`);
  }
  return { scope, ...target, actor: options.actor ?? osUser(context), reason: options.reason };
}

/** One line about what an order covers. */
export function describeTarget(target: KillTarget): string {
  const names = (['tenant', 'agent', 'tool', 'action'] as const)
    .filter((member) => target[member] !== undefined)
    .map((member) => `${member} ${target[member] ?? ''}`);
  return [target.scope, ...(names.length === 0 ? [] : [`(${names.join(', ')})`])].join(' ');
}
