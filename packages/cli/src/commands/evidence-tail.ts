import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordFilter } from '@cortex-governance/evidence-writer';
import { type Command, InvalidArgumentError } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { withFilterOptions } from '../evidence-filter.ts';
import { checkpointedRecords, type EvidenceLogFolder, findEvidenceLogs } from '../evidence-logs.ts';
import { leafCommand } from '../leaf-command.ts';
import { printNote } from '../output.ts';
import { hasReader, printRecordLine } from '../record-lines.ts';
import { openWorkspace } from '../workspace.ts';

/** How often the logs are looked at, in milliseconds. */
const POLL_MS = 250;

/** Looks in a row at which a log may be unreadable before that counts. */
const MAX_FAILURES = 8;

/** Records shown of what is there already. */
const DEFAULT_LAST = 10;
const MAX_LAST = 100_000;

interface TailOptions extends GlobalOptions, RecordFilter {
  readonly last: number;
}

/** A log that is followed: the next record to print, and how often in a row it could not be read. */
interface Followed {
  next: number;
  failures: number;
}

/** `govern evidence tail`: records as they are written. */
export function evidenceTailCommand(context: CliContext): Command {
  const command = leafCommand(
    'tail',
    'Print evidence records as JSON lines as they are written, of every log in a folder and of new ones too, until it is interrupted. A record shows once it is on its way to disk; reads without verifying.',
    [
      { line: 'govern evidence tail', meaning: 'The last 10 records, then every new one.' },
      {
        line: 'govern evidence tail --effect deny --last 0',
        meaning: 'Every denial from now on.',
      },
    ],
  ).argument('[folder]', 'a log, or a folder with logs (default: as configured)');
  return withFilterOptions(command)
    .option(
      '--last <number>',
      'look at so many records per log that are there already',
      parseLast,
      DEFAULT_LAST,
    )
    .action((folder: string | undefined, options: TailOptions) => tail(context, folder, options));
}

async function tail(
  context: CliContext,
  folder: string | undefined,
  options: TailOptions,
): Promise<void> {
  const dir =
    folder === undefined
      ? (await openWorkspace(context, options)).paths.evidenceDir
      : resolve(context.cwd, folder);
  const followed = new Map<string, Followed>();
  for (let isFirst = true; hasReader(context); isFirst = false) {
    for (const log of await findEvidenceLogs(dir)) {
      const state = followed.get(log.dir) ?? (await startOf(log, isFirst ? options.last : null));
      followed.set(log.dir, state);
      if (!(await printNew(context, log, state, options))) return;
    }
    if (isFirst && followed.size === 0) printNote(context, `no evidence log in ${dir} yet`);
    await sleep(POLL_MS);
  }
}

/** @param last null for a log that has just come up: all of it is new. */
async function startOf(log: EvidenceLogFolder, last: number | null): Promise<Followed> {
  if (last === null) return { next: 0, failures: 0 };
  const { readEvidence } = await import('@cortex-governance/evidence-writer');
  const size = (await checkpointedRecords(log)) ?? 0;
  // Records behind the checkpoint count among the last.
  let end = size;
  for await (const record of readEvidence(log.dir, { from: size })) end = record.seq + 1;
  return { next: Math.max(0, end - last), failures: 0 };
}

/** False when nobody reads any more. */
async function printNew(
  context: CliContext,
  log: EvidenceLogFolder,
  state: Followed,
  options: TailOptions,
): Promise<boolean> {
  const { matchesFilter, readEvidence } = await import('@cortex-governance/evidence-writer');
  try {
    for await (const record of readEvidence(log.dir, { from: state.next })) {
      state.next = record.seq + 1;
      if (!matchesFilter(record, options)) continue;
      if (!(await printRecordLine(context, { log: log.name, ...record }))) return false;
    }
    state.failures = 0;
  } catch (error) {
    // A log that has just begun, or whose writer is at work, may be readable a moment later.
    state.failures += 1;
    if (state.failures === MAX_FAILURES) throw error;
  }
  return true;
}

function parseLast(text: string): number {
  const last = Number(text);
  if (!/^(0|[1-9][0-9]*)$/.test(text) || last > MAX_LAST) {
    throw new InvalidArgumentError(`Not a number from 0 to ${MAX_LAST}.`);
  }
  return last;
}
