import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type {
  EvidenceReport,
  EvidenceTreeReport,
  VerifyEvidenceOptions,
} from '@cortex-governance/evidence-writer';
import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { ProgressLine } from '../progress-line.ts';
import { openWorkspace } from '../workspace.ts';

interface VerifyOptions extends GlobalOptions {
  readonly key?: string;
  readonly checkpoint?: readonly string[];
}

/** `govern evidence verify`: whether every byte of the evidence is as it was written. */
export function evidenceVerifyCommand(context: CliContext): Command {
  return leafCommand(
    'verify',
    'Verify every evidence log in a folder and below it, offline: signatures, hashes, every record, that nothing was erased unannounced. Without --key the public key beside each log is taken: that finds damage, not what a holder of the signing key did.',
    [
      { line: 'govern evidence verify', meaning: 'The logs of this workspace.' },
      {
        line: 'govern evidence verify ./copy --key auditor/server.vkey --checkpoint auditor/checkpoint',
        meaning: 'A copy, against a key and a checkpoint that the auditor kept.',
      },
      {
        line: 'govern evidence verify --checkpoint monday --checkpoint tuesday',
        meaning:
          'Also finds a log that was cut back, or that was shown to others with other records.',
      },
    ],
  )
    .argument('[folder]', 'a log, or a folder with logs (default: as configured)')
    .option('--key <file>', 'public keys, one vkey line each')
    .option(
      '--checkpoint <file>',
      'a signed checkpoint kept from earlier or elsewhere: its log must hold all that it signs; may be given several times',
      (file: string, others: readonly string[] | undefined) => [...(others ?? []), file],
    )
    .action((folder: string | undefined, options: VerifyOptions) =>
      verify(context, folder, options),
    );
}

async function verify(
  context: CliContext,
  folder: string | undefined,
  options: VerifyOptions,
): Promise<void> {
  const dir =
    folder === undefined
      ? (await openWorkspace(context, options)).paths.evidenceDir
      : resolve(context.cwd, folder);
  const given = await readKeys(context, options.key);
  const checkpoint = await readCheckpoints(context, options.checkpoint ?? []);
  const report = await verifyWatched(context, dir, { ...given, checkpoint });
  context.exit = report.ok ? 'OK' : 'NO';
  const lines = [
    ...report.logs.flatMap(describeLog),
    ...report.missing.map(
      (origin) => `BAD no log of ${origin} is here, and a checkpoint of it is kept`,
    ),
  ];
  printResult(
    context,
    options.json,
    report,
    lines.length === 0 ? [`no evidence log in ${dir}`] : lines,
  );
}

async function verifyWatched(
  context: CliContext,
  dir: string,
  options: VerifyEvidenceOptions,
): Promise<EvidenceTreeReport> {
  const { verifyEvidenceTree } = await import('@cortex-governance/evidence-writer');
  const progress = new ProgressLine(context.stderr, 'records');
  try {
    const onProgress = (records: number): void => progress.show(records);
    return await verifyEvidenceTree(dir, { ...options, onProgress });
  } finally {
    progress.clear();
  }
}

/** Kept checkpoints. A file that is none is wrong input, even when there is no log to compare. */
async function readCheckpoints(
  context: CliContext,
  files: readonly string[],
): Promise<readonly string[]> {
  const { parseCheckpoint } = await import('@cortex-governance/evidence-writer');
  const notes: string[] = [];
  for (const file of files) {
    const note = (await readOption(context, '--checkpoint', file)) ?? '';
    try {
      parseCheckpoint(note, file);
    } catch (error) {
      throw usageError(`--checkpoint: ${(error as Error).message}`);
    }
    notes.push(note);
  }
  return notes;
}

/** The public keys in a file. A file without one is wrong input, even when there is no log to check. */
async function readKeys(
  context: CliContext,
  file: string | undefined,
): Promise<{ readonly publicKeys?: readonly string[] }> {
  const text = await readOption(context, '--key', file);
  if (text === undefined) return {};
  const { parseVerifierKey } = await import('@cortex-governance/evidence-writer');
  const publicKeys = text.split('\n').filter((line) => line.trim() !== '');
  if (publicKeys.length === 0 || publicKeys.some((line) => parseVerifierKey(line) === null)) {
    throw usageError(`--key: ${file} does not hold Ed25519 vkey lines alone`);
  }
  return { publicKeys };
}

async function readOption(
  context: CliContext,
  name: string,
  file: string | undefined,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(resolve(context.cwd, file), 'utf8');
  } catch (error) {
    throw usageError(`${name}: ${(error as Error).message}`);
  }
}

function describeLog(report: EvidenceReport): readonly string[] {
  const { firstFault: fault } = report;
  const trust = report.keySource === 'given' ? 'given key' : 'key beside the log';
  const lines = [
    `${report.ok ? 'ok' : 'BAD'} ${report.dir}`,
    `  origin ${report.origin === '' ? 'unknown' : report.origin}, checked with the ${trust}`,
    `  records ${report.records}, checkpoint size ${report.checkpointSize}, root ${report.root === '' ? 'none' : report.root}`,
  ];
  if (report.unsignedTail > 0)
    lines.push(`  behind the checkpoint ${report.unsignedTail}, not signed yet`);
  if (report.counts.erased > 0)
    lines.push(`  erased ${report.counts.erased}: content gone, hashes kept`);
  if (report.live) lines.push('  a process is writing this log');
  if (fault === null) return lines;
  const record = fault.index === null ? '' : ` record ${fault.index},`;
  const offset = fault.offset === null ? '' : ` byte ${fault.offset}`;
  return [
    ...lines,
    `  first fault (${fault.kind}):${record} ${fault.file}${offset}: ${fault.problem}`,
  ];
}
