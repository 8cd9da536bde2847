import type { RecordFilter } from '@cortex-governance/evidence-writer';
import type { EvidenceHit, LogState } from '@cortex-governance/evidence-writer/warm';
import { type Command, InvalidArgumentError } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { withFilterOptions } from '../evidence-filter.ts';
import { findEvidenceLogs } from '../evidence-logs.ts';
import { askIndex, collectPages } from '../index-answer.ts';
import { leafCommand } from '../leaf-command.ts';
import { printNote, printResult } from '../output.ts';
import { printRecordLine } from '../record-lines.ts';
import { openWorkspace, type Workspace } from '../workspace.ts';

/** Records that are shown when nothing is said. */
const DEFAULT_LIMIT = 100;

/** Most records that are shown. */
const MAX_LIMIT = 10_000;

interface QueryOptions extends GlobalOptions, RecordFilter {
  readonly limit: number;
  readonly scan?: boolean;
}

/** An answer, and where it comes from. */
interface QueryAnswer {
  readonly hits: readonly EvidenceHit[];
  readonly answeredBy: 'index' | 'logs';
  /** Records under the checkpoints that the index does not hold yet. */
  readonly behindRecords: number;
}

/** `govern evidence query`: the newest records that fit, from the index or the logs. */
export function evidenceQueryCommand(context: CliContext): Command {
  const command = leafCommand(
    'query',
    'Print the newest evidence records that fit, newest first, as JSON lines. The index (evidence.warm) answers when it is reachable and holds all that is asked for; otherwise the logs are read, with the same result. Reads without verifying: see govern evidence verify.',
    [
      {
        line: 'govern evidence query --tenant acme --code RATE_LIMITED --since 2d',
        meaning: 'The newest 100 calls of a tenant that were over a limit.',
      },
      {
        line: 'govern evidence query --session 5f1c --limit 1000 --json',
        meaning: 'What a session did, as one JSON document that says who answered.',
      },
    ],
  );
  return withFilterOptions(command)
    .option('--limit <number>', 'at most so many', parseLimit, DEFAULT_LIMIT)
    .option('--scan', 'read the logs, even when there is an index')
    .action((options: QueryOptions) => query(context, options));
}

async function query(context: CliContext, options: QueryOptions): Promise<void> {
  const workspace = await openWorkspace(context, options);
  const logs = await findEvidenceLogs(workspace.paths.evidenceDir);
  const { readLogState } = await import('@cortex-governance/evidence-writer/warm');
  const states: LogState[] = [];
  for (const { dir } of logs) {
    const state = await readLogState(dir);
    if (state !== null) states.push(state);
  }
  const { hits, ...source } = await findAnswer(context, workspace, states, options);
  const names = new Map(states.map(({ log }, i) => [log, nameOf(logs, states[i])]));
  const records = hits.map(({ log, record }) => ({ log: names.get(log) ?? log, ...record }));
  if (options.json === true) return printResult(context, true, { ...source, records }, []);
  for (const record of records) {
    if (!(await printRecordLine(context, record))) return;
  }
}

async function findAnswer(
  context: CliContext,
  { root, config }: Workspace,
  states: readonly LogState[],
  options: QueryOptions,
): Promise<QueryAnswer> {
  const { code, effect, tenant, tool, subject, session, since, until, limit } = options;
  const wanted = { code, effect, tenant, tool, subject, session, since, until };
  const { findEvidenceIndex } = await import('@cortex-governance/governor');
  const address = options.scan === true ? null : await findEvidenceIndex(root, config, context.env);
  if (address !== null) {
    const answer = await askIndex(address, states, wanted, limit);
    if (answer.hits !== null) {
      const { hits, behindRecords } = answer;
      const behind = behindRecords === 0 ? '' : `, ${behindRecords} records behind the logs`;
      printNote(context, `answered by the index${behind}`);
      return { hits, answeredBy: 'index', behindRecords };
    }
    printNote(context, `answered by reading the logs, because ${answer.problem}`);
  }
  const { scanEvidence } = await import('@cortex-governance/evidence-writer/warm');
  const folders = states.map(({ folder }) => folder);
  const hits = await collectPages((page) => scanEvidence(folders, page), wanted, limit);
  return { hits, answeredBy: 'logs', behindRecords: 0 };
}

function nameOf(
  logs: readonly { readonly name: string; readonly dir: string }[],
  state: LogState | undefined,
): string {
  return logs.find(({ dir }) => dir === state?.folder)?.name ?? state?.log ?? '';
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^[1-9][0-9]*$/.test(text) || limit > MAX_LIMIT) {
    throw new InvalidArgumentError(`Not a number from 1 to ${MAX_LIMIT}.`);
  }
  return limit;
}
