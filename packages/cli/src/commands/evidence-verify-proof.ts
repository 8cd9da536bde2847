import type { ProvedLeaf, TlogProofReport } from '@cortex-governance/evidence-writer';
import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { readInputFile, readKeyLines } from '../input-file.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';

interface VerifyProofOptions extends GlobalOptions {
  readonly record?: string;
  readonly leafHash?: string;
  readonly key: string;
}

/** `govern evidence verify-proof`: whether a record is in a log, offline and without the log. */
export function evidenceVerifyProofCommand(context: CliContext): Command {
  return leafCommand(
    'verify-proof',
    'Verify a C2SP tlog-proof, offline: that the log of a public key holds a record. Needs no workspace. It shows that these bytes are in the log at that place, not that what they say is true, and not that the log was never rewritten: see govern evidence verify --checkpoint.',
    [
      {
        line: 'govern evidence verify-proof 41.tlog-proof --record 41.json --key auditor/server.vkey',
        meaning: 'The files that govern evidence prove wrote, and a key that the auditor kept.',
      },
    ],
  )
    .argument('<proof>', 'the file with the proof')
    .option('--record <file>', 'the record, byte for byte')
    .option('--leaf-hash <hex>', 'in its place, for a record whose body was erased')
    .requiredOption('--key <file>', 'public keys, one vkey line each; any of them may have signed')
    .action((proof: string, options: VerifyProofOptions) => verifyProof(context, proof, options));
}

async function verifyProof(
  context: CliContext,
  file: string,
  options: VerifyProofOptions,
): Promise<void> {
  const { MAX_PROOF_BYTES, verifyTlogProof } = await import('@cortex-governance/evidence-writer');
  const keys = await readKeyLines(context, options.key);
  const leaf = await readLeaf(context, options);
  const proof = await readInputFile(context, 'proof', file, MAX_PROOF_BYTES);
  const report = verifyTlogProof(proof.toString(), leaf, keys);
  context.exit = report.ok ? 'OK' : 'NO';
  printResult(context, options.json, report, describe(report, 'record' in leaf));
}

async function readLeaf(context: CliContext, options: VerifyProofOptions): Promise<ProvedLeaf> {
  const { record, leafHash } = options;
  if ((record === undefined) === (leafHash === undefined)) {
    throw usageError('give the record with --record, or --leaf-hash');
  }
  if (record !== undefined) {
    const { MAX_RECORD_BYTES } = await import('@cortex-governance/evidence-writer');
    return { record: await readInputFile(context, '--record', record, MAX_RECORD_BYTES) };
  }
  if (!/^[0-9a-f]{64}$/i.test(leafHash ?? '')) {
    throw usageError('--leaf-hash: not 64 hexadecimal digits');
  }
  return { leafHash: Buffer.from(leafHash ?? '', 'hex') };
}

function describe(report: TlogProofReport, hasRecord: boolean): readonly string[] {
  if (!report.ok) return [`BAD ${report.problem}`];
  const what = hasRecord ? 'these bytes are' : 'a record with this leaf hash is';
  return [
    `ok: ${what} record ${report.index} of ${report.origin}`,
    `  signed by its key over ${report.size} records, root ${report.root}`,
  ];
}
