import { resolve } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import type {
  EvidenceExport,
  ExportSelection,
  SigningKey,
} from '@cortex-governance/evidence-writer';
import { type Command, InvalidArgumentError } from 'commander';
import { chosenLogs, type LogOptions } from '../chosen-logs.ts';
import type { CliContext } from '../cli-context.ts';
import { CliError, usageError } from '../cli-error.ts';
import { parseTimeOption } from '../evidence-filter.ts';
import type { EvidenceLogFolder } from '../evidence-logs.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { writeOnce } from '../output-file.ts';
import { openWorkspace } from '../workspace.ts';
import { workspaceSigningKey } from '../workspace-signing-key.ts';

/** Hexadecimal digits of the root in the default file name. */
const NAME_DIGITS = 16;

interface ExportOptions extends LogOptions {
  readonly session?: string;
  readonly tenant?: string;
  readonly since?: number;
  readonly until?: number;
  readonly maxRecords?: number;
  readonly signingKey?: string;
  readonly out?: string;
}

/** `govern evidence export`: records of one log in one signed file that anyone can check offline. */
export function evidenceExportCommand(context: CliContext): Command {
  return leafCommand(
    'export',
    'Write the records of a session, a tenant or a time to one file, each with its proof, signed with the key of the log. Its id is a content address: evid:SCOPE:ROOT, of the session, tenant or time and the root over these records. Who has the public key checks it with govern evidence verify-export.',
    [
      {
        line: 'govern evidence export --session s-4711',
        meaning: 'What was decided in a session.',
      },
      {
        line: 'govern evidence export --tenant acme --since 2026-11-01 --until 2026-12-01 --out acme-november.json',
        meaning: 'What was decided for a tenant in a month.',
      },
      {
        line: 'govern evidence export --since 1h',
        meaning: 'Everything of the last hour: decisions, events and gaps.',
      },
    ],
  )
    .option('--session <id>', 'decisions of this session')
    .option('--tenant <id>', 'decisions for this tenant')
    .option(
      '--since <time>',
      'from this time on: ISO 8601, or an age such as 15m, 2h, 7d',
      parseTimeOption,
    )
    .option('--until <time>', 'before this time', parseTimeOption)
    .option('--log <folder>', 'a log, or a folder with logs (default: as configured)')
    .option('--signing-key <file>', 'private key of the log (default: as configured)')
    .option('--max-records <number>', 'refuse to write more (default: 10000)', parseMaxRecords)
    .option('--out <file>', 'where it goes (default: evidence-ROOT.dsse.json, here)')
    .action((options: ExportOptions) => exportRecords(context, options));
}

async function exportRecords(context: CliContext, options: ExportOptions): Promise<void> {
  const selection = selectionOf(options);
  const logs = await chosenLogs(context, options);
  const key = await signingKeyOf(context, options);
  const found: { readonly log: EvidenceLogFolder; readonly result: EvidenceExport }[] = [];
  for (const log of logs) {
    const result = await exportLog(log, selection, key, options.maxRecords);
    if (result !== null) found.push({ log, result });
  }
  const [first, ...others] = found;
  if (first === undefined) {
    throw new CliError('NO', 'no record under a signed checkpoint matches', 'NOTHING_TO_EXPORT');
  }
  if (others.length > 0) {
    const places = found.map(({ log }) => log.dir).join(', ');
    throw usageError(`several logs hold such records; name one with --log: ${places}`);
  }
  const name = `evidence-${first.result.id.slice(-64).slice(0, NAME_DIGITS)}.dsse.json`;
  const file = resolve(context.cwd, options.out ?? name);
  await writeOnce(file, `${first.result.envelope}\n`);
  print(context, options.json, first.log, first.result, file);
}

function selectionOf({ session, tenant, since, until }: ExportOptions): ExportSelection {
  if (session === undefined && tenant === undefined && since === undefined) {
    throw usageError('give --session, --tenant or --since');
  }
  return {
    ...(session === undefined ? {} : { session }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
  };
}

/** The key in the file that is given, or else the one that the configuration names. */
async function signingKeyOf(context: CliContext, options: ExportOptions): Promise<SigningKey> {
  if (options.signingKey === undefined) {
    return workspaceSigningKey(context, await openWorkspace(context, options));
  }
  const { fileSigningKey } = await import('@cortex-governance/evidence-writer');
  return fileSigningKey(resolve(context.cwd, options.signingKey));
}

async function exportLog(
  log: EvidenceLogFolder,
  selection: ExportSelection,
  key: SigningKey,
  maxRecords: number | undefined,
): Promise<EvidenceExport | null> {
  const { exportEvidence } = await import('@cortex-governance/evidence-writer');
  const limit = maxRecords === undefined ? {} : { maxRecords };
  try {
    return await exportEvidence(log.dir, { selection, key, ...limit });
  } catch (error) {
    const isLimit =
      GovernanceError.isInstance(error) && String(error.details['where']).endsWith('.maxRecords');
    throw isLimit ? usageError(`--max-records: ${error.details['problem']}`) : error;
  }
}

function print(
  context: CliContext,
  json: boolean | undefined,
  log: EvidenceLogFolder,
  { envelope: _, ...result }: EvidenceExport,
  file: string,
): void {
  const lines = [
    `exported ${result.records} records of ${result.origin}, under a signed checkpoint over ${result.size}`,
    `  file ${file}`,
    `  id ${result.id}`,
  ];
  if (result.erased > 0) {
    lines.push(
      `  ${result.erased} records of the log were erased: whether they belong here, nobody can say`,
    );
  }
  if (result.unsigned > 0) {
    lines.push(
      `  ${result.unsigned} more match, and no checkpoint covers them yet: they are left out`,
    );
  }
  printResult(context, json, { log: log.dir, ...result, file }, lines);
}

function parseMaxRecords(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('Not a number from 1.');
  return Number(text);
}
