import {
  type DecisionRequest,
  DURABILITIES,
  type Durability,
  toolCall,
  type Verdict,
} from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { type Command, Option } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { findRoot } from '../find-root.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { quietLogger } from '../quiet-logger.ts';
import { readJsonObject, readRequestFile } from '../request-input.ts';

interface DecideOptions extends GlobalOptions {
  readonly tool?: string;
  readonly action?: string;
  readonly tenant?: string;
  readonly agent?: string;
  readonly args?: string;
  readonly path?: string;
  readonly request?: string;
  readonly durability?: Durability;
}

const DEFAULT_AGENT = 'local';

/** `govern decide`: one decision, made and recorded here. */
export function decideCommand(context: CliContext): Command {
  return leafCommand(
    'decide',
    'Decide one call here, with evidence, as a server would. Limits count within this one process, so they start anew.',
    [
      {
        line: 'govern decide --tool git-map --action search --path packages',
        meaning: 'May the agent search in packages? Exit 0: yes; 1: no.',
      },
      {
        line: `govern decide --tool http --action get --args '{"url":"https://example.com"}' --json`,
        meaning: 'The verdict as JSON.',
      },
      { line: 'govern decide --request request.json', meaning: 'An AuthZEN evaluation request.' },
    ],
  )
    .option('--tool <id>', 'the tool, as its grant names it')
    .option('--action <name>', 'the action')
    .option('--tenant <id>', 'whose call it is (default: default, when no tenants are configured)')
    .option('--agent <id>', `who calls (default: ${DEFAULT_AGENT})`)
    .addOption(new Option('--args <json>', 'the arguments, a JSON object').conflicts('path'))
    .option('--path <path>', 'short for --args with one member, path')
    .addOption(
      new Option('--request <file>', 'an AuthZEN evaluation request; - reads stdin').conflicts([
        'tool',
        'action',
        'agent',
        'args',
        'path',
      ]),
    )
    .addOption(
      new Option('--durability <level>', 'how safe the record must be before the answer').choices(
        DURABILITIES,
      ),
    )
    .action((options: DecideOptions) => decide(context, options));
}

async function decide(context: CliContext, options: DecideOptions): Promise<void> {
  const request = await readRequest(context, options);
  const root = await findRoot(context.cwd, options.root);
  const { createGovernor } = await import('@cortex-governance/governor');
  const governor = await createGovernor({ root, name: 'cli', logger: quietLogger(context) });
  try {
    const tenant = request.tenant === undefined ? soleTenant(governor) : request.tenant;
    const verdict = await governor.evaluate(
      { ...request, tenant },
      options.durability === undefined ? {} : { durability: options.durability },
    );
    context.exit = verdict.effect === 'allow' ? 'OK' : 'NO';
    printResult(context, options.json, verdict, describe(verdict));
  } finally {
    await governor.close();
  }
}

type UnboundRequest = Omit<DecisionRequest, 'tenant'> & { readonly tenant?: string };

async function readRequest(context: CliContext, options: DecideOptions): Promise<UnboundRequest> {
  const named = options.tenant === undefined ? {} : { tenant: options.tenant };
  if (options.request !== undefined) {
    return { ...(await readRequestFile(context, options.request)), ...named };
  }
  const { tool, action } = options;
  if (tool === undefined || action === undefined) {
    throw usageError('give --tool and --action, or --request');
  }
  const args = options.path === undefined ? undefined : { path: options.path };
  const given = options.args === undefined ? args : await readJsonObject('--args', options.args);
  const { tenant: _unbound, ...request } = toolCall({
    tenant: '',
    agent: options.agent ?? DEFAULT_AGENT,
    tool,
    action,
    ...(given === undefined ? {} : { args: given }),
  });
  return { ...request, ...named };
}

/** The one tenant there is, or none: a call of nobody's is denied as such. */
function soleTenant(governor: Governor): string {
  const [first, ...others] = governor.tenants.tenants();
  return others.length === 0 && governor.config.tenancy.tenants.length === 0 ? (first ?? '') : '';
}

function describe(verdict: Verdict): readonly string[] {
  const shadow = verdict.shadowed ? ' (shadow mode: would have been denied)' : '';
  const wait = verdict.retryAfterMs > 0 ? `, again in ${verdict.retryAfterMs} ms` : '';
  return [
    `${verdict.effect} ${verdict.code}${shadow}: ${verdict.reason}${wait}`,
    `  stage ${verdict.stage}, id ${verdict.id}`,
    `  policy ${verdict.policyHash}`,
    ...verdict.obligations.map(({ id, type }) => `  obligation ${id} (${type})`),
  ];
}
