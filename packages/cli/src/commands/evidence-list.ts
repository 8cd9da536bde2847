import { resolve } from 'node:path';
import type { RecordFilter } from '@cortex-governance/evidence-writer';
import type { EvidencePosition } from '@cortex-governance/evidence-writer/warm';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { withFilterOptions } from '../evidence-filter.ts';
import { findEvidenceLogs } from '../evidence-logs.ts';
import { leafCommand } from '../leaf-command.ts';
import { RECORD_FORMATS, type RecordFormat, recordFormatter } from '../record-format.ts';
import { printRecordLine } from '../record-lines.ts';
import { openWorkspace } from '../workspace.ts';

/** Most records that `--limit` keeps in memory. */
const MAX_LIMIT = 100_000;

interface ListOptions extends GlobalOptions, RecordFilter {
  readonly limit?: number;
  readonly format: RecordFormat;
}

/** Where a record stands in the order of all logs, and what is printed of it. */
interface ListedRecord {
  readonly position: EvidencePosition;
  readonly line: () => unknown;
}

/** `govern evidence list`: records as JSON lines. */
export function evidenceListCommand(context: CliContext): Command {
  const command = leafCommand(
    'list',
    'Print evidence records as JSON lines, log by log in the order of the log. Reads without verifying: see govern evidence verify.',
    [
      {
        line: 'govern evidence list --effect deny --since 1h',
        meaning: 'What was denied in the last hour.',
      },
      {
        line: 'govern evidence list --tenant acme --limit 20',
        meaning: 'The newest 20 of a tenant.',
      },
      {
        line: 'govern evidence list --since 1h --format ocsf',
        meaning: 'The last hour as OCSF events, for a SIEM.',
      },
    ],
  ).argument('[folder]', 'a log, or a folder with logs (default: as configured)');
  return withFilterOptions(command)
    .option('--limit <number>', 'the newest so many, oldest first', parseLimit)
    .addOption(
      new Option('--format <format>', 'the record itself, or an event of another standard')
        .choices(RECORD_FORMATS)
        .default(RECORD_FORMATS[0]),
    )
    .action((folder: string | undefined, options: ListOptions) => list(context, folder, options));
}

async function list(
  context: CliContext,
  folder: string | undefined,
  options: ListOptions,
): Promise<void> {
  const dir =
    folder === undefined
      ? (await openWorkspace(context, options)).paths.evidenceDir
      : resolve(context.cwd, folder);
  const newest: ListedRecord[] = [];
  for await (const listed of matching(dir, options)) {
    if (options.limit === undefined) {
      if (!(await printRecordLine(context, listed.line()))) return;
      continue;
    }
    newest.push(listed);
    if (newest.length >= options.limit * 2) await keepNewest(newest, options.limit);
  }
  if (options.limit === undefined) return;
  await keepNewest(newest, options.limit);
  for (const { line } of newest) {
    if (!(await printRecordLine(context, line()))) return;
  }
}

async function* matching(dir: string, options: ListOptions): AsyncGenerator<ListedRecord> {
  const { matchesFilter, readEvidence } = await import('@cortex-governance/evidence-writer');
  const { positionOf, readLogState } = await import('@cortex-governance/evidence-writer/warm');
  for (const log of await findEvidenceLogs(dir)) {
    const id = (await readLogState(log.dir))?.log ?? '';
    const format = await recordFormatter(options.format, log);
    for await (const record of readEvidence(log.dir)) {
      if (!matchesFilter(record, options)) continue;
      yield { position: positionOf({ log: id, record }), line: () => format(record) };
    }
  }
}

/** Sorts as a query does, the newest last, and drops all but the newest. */
async function keepNewest(records: ListedRecord[], limit: number): Promise<void> {
  const { newestFirst } = await import('@cortex-governance/evidence-writer/warm');
  records.sort((a, b) => newestFirst(b.position, a.position));
  records.splice(0, Math.max(0, records.length - limit));
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^[1-9][0-9]*$/.test(text) || limit > MAX_LIMIT) {
    throw new InvalidArgumentError(`Not a number from 1 to ${MAX_LIMIT}.`);
  }
  return limit;
}
