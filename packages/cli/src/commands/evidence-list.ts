import { once } from 'node:events';
import { resolve } from 'node:path';
import { EFFECTS, type Effect, isReasonCode } from '@cortex-governance/core';
import type { EvidenceRecord } from '@cortex-governance/evidence-writer';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { findEvidenceLogs } from '../evidence-logs.ts';
import { leafCommand } from '../leaf-command.ts';
import { printableJson } from '../printable.ts';
import { parseSince } from '../since.ts';
import { openWorkspace } from '../workspace.ts';

/** Most records that `--limit` keeps in memory. */
const MAX_LIMIT = 100_000;

interface ListOptions extends GlobalOptions {
  readonly code?: string;
  readonly effect?: Effect;
  readonly tenant?: string;
  readonly since?: number;
  readonly limit?: number;
}

/** One line of output: a record, and the log that holds it. */
type ListedRecord = EvidenceRecord & { readonly log: string };

/** `govern evidence list`: records as JSON lines. */
export function evidenceListCommand(context: CliContext): Command {
  return leafCommand(
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
  )
    .argument('[folder]', 'a log, or a folder with logs (default: as configured)')
    .option('--code <code>', 'decisions with this reason code', parseCode)
    .addOption(new Option('--effect <effect>', 'decisions with this effect').choices(EFFECTS))
    .option('--tenant <id>', 'decisions for this tenant')
    .option(
      '--since <time>',
      'from this time on: ISO 8601, or an age such as 15m, 2h, 7d',
      parseSinceOption,
    )
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
      if (!(await print(context, record))) return;
      continue;
    }
    newest.push(record);
    if (newest.length >= options.limit * 2) keepNewest(newest, options.limit);
  }
  if (options.limit === undefined) return;
  keepNewest(newest, options.limit);
  for (const record of newest) {
    if (!(await print(context, record))) return;
  }
}

async function* matching(dir: string, options: ListOptions): AsyncGenerator<ListedRecord> {
  const { readEvidence } = await import('@cortex-governance/evidence-writer');
  for (const { name, dir: log } of await findEvidenceLogs(dir)) {
    for await (const record of readEvidence(log)) {
      if (matches(record, options)) yield { log: name, ...record };
    }
  }
}

function matches(record: EvidenceRecord, { code, effect, tenant, since }: ListOptions): boolean {
  // A record without a time is shown: a filter must not hide what cannot be placed.
  if (since !== undefined && record.ts !== null && Date.parse(record.ts) < since) return false;
  if (code === undefined && effect === undefined && tenant === undefined) return true;
  if (record.kind !== 'decision') return false;
  if (code !== undefined && record.code !== code) return false;
  if (effect !== undefined && record.effect !== effect) return false;
  return tenant === undefined || record.tenant === tenant;
}

/** Sorts by id, which sorts by time, and drops all but the newest. */
function keepNewest(records: ListedRecord[], limit: number): void {
  records.sort((a, b) => (a.id === b.id ? a.seq - b.seq : a.id < b.id ? -1 : 1));
  records.splice(0, Math.max(0, records.length - limit));
}

/** Prints one record; false when nobody reads any more. */
async function print(context: CliContext, record: ListedRecord): Promise<boolean> {
  if (!context.stdout.writable) return false;
  if (context.stdout.write(`${printableJson(record)}\n`)) return true;
  await Promise.race([once(context.stdout, 'drain'), once(context.stdout, 'close')]).catch(
    () => {},
  );
  return context.stdout.writable;
}

function parseCode(text: string): string {
  if (!isReasonCode(text)) throw new InvalidArgumentError('There is no such code.');
  return text;
}

function parseSinceOption(text: string): number {
  const since = parseSince(text, Date.now());
  if (since === null)
    throw new InvalidArgumentError('Not an ISO 8601 time, nor an age such as 2h.');
  return since;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^[1-9][0-9]*$/.test(text) || limit > MAX_LIMIT) {
    throw new InvalidArgumentError(`Not a number from 1 to ${MAX_LIMIT}.`);
  }
  return limit;
}
