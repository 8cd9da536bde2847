import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type {
  EvidenceReport,
  EvidenceTreeReport,
  KeyType,
  VerifyEvidenceOptions,
} from '@cortex-governance/evidence-writer';
import { type Command, InvalidArgumentError } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { ProgressLine } from '../progress-line.ts';
import { openWorkspace } from '../workspace.ts';

interface VerifyOptions extends GlobalOptions {
  readonly key?: string;
  readonly checkpoint?: readonly string[];
  readonly witnessKey?: string;
  readonly quorum?: number;
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
    .option(
      '--witness-key <file>',
      'public keys of witnesses, one vkey line each: they must have cosigned a head of each log',
    )
    .option('--quorum <number>', 'how many of them are enough (default: all)', parseQuorum)
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
  const given = await readKeyOptions(context, options);
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

async function readKeyOptions(
  context: CliContext,
  { key, witnessKey, quorum }: VerifyOptions,
): Promise<Pick<VerifyEvidenceOptions, 'publicKeys' | 'witnessKeys' | 'quorum'>> {
  const publicKeys = await readKeys(context, '--key', key, 'ed25519');
  const witnessKeys = await readKeys(context, '--witness-key', witnessKey, 'cosignature');
  if (quorum !== undefined && quorum > (witnessKeys?.length ?? 0)) {
    throw usageError('--quorum: more than there are keys in --witness-key');
  }
  return {
    ...(publicKeys === undefined ? {} : { publicKeys }),
    ...(witnessKeys === undefined ? {} : { witnessKeys }),
    ...(quorum === undefined ? {} : { quorum }),
  };
}

/** The public keys in a file. A file without one is wrong input, even when there is no log to check. */
async function readKeys(
  context: CliContext,
  option: string,
  file: string | undefined,
  type: KeyType,
): Promise<readonly string[] | undefined> {
  const text = await readOption(context, option, file);
  if (text === undefined) return undefined;
  const { parseVerifierKey } = await import('@cortex-governance/evidence-writer');
  const keys = text.split('\n').filter((line) => line.trim() !== '');
  if (keys.length === 0 || keys.some((line) => parseVerifierKey(line, type) === null)) {
    const kind = type === 'ed25519' ? 'Ed25519 vkey lines' : 'vkey lines of witnesses';
    throw usageError(`${option}: ${file} does not hold ${kind} alone`);
  }
  return keys;
}

function parseQuorum(text: string): number {
  if (!/^[1-9][0-9]?$/.test(text)) throw new InvalidArgumentError('Not a number from 1 to 99.');
  return Number(text);
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
  if (report.witnessed !== null) {
    const by = report.witnessed.by.map(({ name, time }) => `${name} at ${time}`);
    const names = by.length === 0 ? 'witnesses whose keys were not given' : by.join(', ');
    lines.push(`  witnessed up to ${report.witnessed.size} by ${names}`);
  }
  if (report.live) lines.push('  a process is writing this log');
  if (fault === null) return lines;
  const record = fault.index === null ? '' : ` record ${fault.index},`;
  const offset = fault.offset === null ? '' : ` byte ${fault.offset}`;
  return [
    ...lines,
    `  first fault (${fault.kind}):${record} ${fault.file}${offset}: ${fault.problem}`,
  ];
}
