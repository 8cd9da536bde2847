import { resolve } from 'node:path';
import type { EvidenceRecord } from '@cortex-governance/evidence-writer';
import { type Command, InvalidArgumentError } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { type EvidenceFilter, matchesFilter, withFilterOptions } from '../evidence-filter.ts';
import { findEvidenceLogs } from '../evidence-logs.ts';
import { leafCommand } from '../leaf-command.ts';
import { printRecordLine } from '../record-lines.ts';
import { openWorkspace } from '../workspace.ts';

/** Most records that `--limit` keeps in memory. */
const MAX_LIMIT = 100_000;

interface ListOptions extends GlobalOptions, EvidenceFilter {
  readonly limit?: number;
}

/** One line of output: a record, and the log that holds it. */
type ListedRecord = EvidenceRecord & { readonly log: string };

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
    ],
  ).argument('[folder]', 'a log, or a folder with logs (default: as configured)');
  return withFilterOptions(command)
    .option('--limit <number>', 'the newest so many, oldest first', parseLimit)
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
  for await (const record of matching(dir, options)) {
    if (options.limit === undefined) {
      if (!(await printRecordLine(context, record))) return;
      continue;
    }
    newest.push(record);
    if (newest.length >= options.limit * 2) keepNewest(newest, options.limit);
  }
  if (options.limit === undefined) return;
  keepNewest(newest, options.limit);
  for (const record of newest) {
    if (!(await printRecordLine(context, record))) return;
  }
}

async function* matching(dir: string, options: ListOptions): AsyncGenerator<ListedRecord> {
  const { readEvidence } = await import('@cortex-governance/evidence-writer');
  for (const { name, dir: log } of await findEvidenceLogs(dir)) {
    for await (const record of readEvidence(log)) {
      if (matchesFilter(record, options)) yield { log: name, ...record };
    }
  }
}

/** Sorts by id, which sorts by time, and drops all but the newest. */
function keepNewest(records: ListedRecord[], limit: number): void {
  records.sort((a, b) => (a.id === b.id ? a.seq - b.seq : a.id < b.id ? -1 : 1));
  records.splice(0, Math.max(0, records.length - limit));
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^[1-9][0-9]*$/.test(text) || limit > MAX_LIMIT) {
    throw new InvalidArgumentError(`Not a number from 1 to ${MAX_LIMIT}.`);
  }
  return limit;
}
