import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { EvidenceReport, EvidenceTreeReport } from '@cortex-governance/evidence-writer';
import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { openWorkspace } from '../workspace.ts';

interface VerifyOptions extends GlobalOptions {
  readonly key?: string;
  readonly checkpoint?: string;
}

/** `govern evidence verify`: whether every byte of the evidence is as it was written. */
export function evidenceVerifyCommand(context: CliContext): Command {
  return leafCommand(
    'verify',
    'Verify every evidence log in a folder and below it, offline: signatures, hashes, every record. Without --key the public key beside each log is taken: that finds damage, not what a holder of the signing key did.',
    [
      { line: 'govern evidence verify', meaning: 'The logs of this workspace.' },
      {
        line: 'govern evidence verify ./copy --key auditor/server.vkey --checkpoint auditor/checkpoint',
        meaning: 'A copy, against a key and a checkpoint that the auditor kept.',
      },
    ],
  )
    .argument('[folder]', 'a log, or a folder with logs (default: as configured)')
    .option('--key <file>', 'public keys, one vkey line each')
    .option(
      '--checkpoint <file>',
      'a signed checkpoint kept from earlier: its log must still begin with it',
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
  const checkpoint = await readOption(context, '--checkpoint', options.checkpoint);
  const { verifyEvidenceTree } = await import('@cortex-governance/evidence-writer');
  const tree = await verifyEvidenceTree(dir, given);
  const report = checkpoint === undefined ? tree : await compare(tree, checkpoint, given);
  context.exit = report.ok ? 'OK' : 'NO';
  const lines = report.logs.flatMap(describeLog);
  printResult(
    context,
    options.json,
    report,
    lines.length === 0 ? [`no evidence log in ${dir}`] : lines,
  );
}

/** Verifies the log that a checkpoint is of once more, against it. */
async function compare(
  tree: EvidenceTreeReport,
  checkpoint: string,
  given: { readonly publicKeys?: readonly string[] },
): Promise<EvidenceTreeReport> {
  const origin = checkpoint.split('\n', 1)[0];
  const log = tree.logs.find((one) => one.origin === origin);
  if (log === undefined) throw usageError(`--checkpoint: no log of ${origin} could be read here`);
  const { verifyEvidence } = await import('@cortex-governance/evidence-writer');
  const compared = await verifyEvidence(log.dir, { ...given, checkpoint });
  const logs = tree.logs.map((one) => (one === log ? compared : one));
  return { ok: logs.every(({ ok }) => ok), logs };
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
  if (report.live) lines.push('  a process is writing this log');
  if (fault === null) return lines;
  const record = fault.index === null ? '' : ` record ${fault.index},`;
  const offset = fault.offset === null ? '' : ` byte ${fault.offset}`;
  return [
    ...lines,
    `  first fault (${fault.kind}):${record} ${fault.file}${offset}: ${fault.problem}`,
  ];
}
