import { resolve } from 'node:path';
import type { ProvedRecord, RecordChoice } from '@cortex-governance/evidence-writer';
import { type Command, InvalidArgumentError } from 'commander';
import { chosenLogs, type LogOptions } from '../chosen-logs.ts';
import type { CliContext } from '../cli-context.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { EvidenceLogFolder } from '../evidence-logs.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { writeOnce } from '../output-file.ts';

const PROOF_SUFFIX = '.tlog-proof';

interface ProveOptions extends LogOptions {
  readonly index?: number;
  readonly out?: string;
}

/** `govern evidence prove`: a proof that a record is in a log, which anyone can check offline. */
export function evidenceProveCommand(context: CliContext): Command {
  return leafCommand(
    'prove',
    'Write a C2SP tlog-proof that a record is in its log, and beside it the record itself, byte for byte. Who has both and the public key checks them with govern evidence verify-proof, or with other tools that read tlog-proofs.',
    [
      {
        line: 'govern evidence prove 019a3c5e-7d52-7000-8c5d-0d2c6a1b9e4f',
        meaning: 'Writes 019a3c5e….tlog-proof and 019a3c5e….json here.',
      },
      {
        line: 'govern evidence prove --index 41 --log ./copy/server --out record-41.tlog-proof',
        meaning: 'By place: the only way for a record whose body was erased.',
      },
    ],
  )
    .argument('[id]', 'id of a decision or event')
    .option('--index <number>', 'place in the log, from 0, in place of an id', parseIndex)
    .option('--log <folder>', 'a log, or a folder with logs (default: as configured)')
    .option('--out <file>', 'where the proof goes (default: ID.tlog-proof, here)')
    .action((id: string | undefined, options: ProveOptions) => prove(context, id, options));
}

async function prove(
  context: CliContext,
  id: string | undefined,
  options: ProveOptions,
): Promise<void> {
  const choice = choiceOf(id, options.index);
  const logs = await chosenLogs(context, options);
  if ('index' in choice && logs.length > 1) {
    throw usageError(`--index: there are ${logs.length} logs here; name one with --log`);
  }
  const { log, record } = await find(logs, choice);
  const files = filesFor(context, options.out, id ?? `record-${record.index}`);
  if (record.record !== null) await writeOnce(files.record, record.record);
  await writeOnce(files.proof, record.proof);
  print(context, options.json, log, record, files);
}

function choiceOf(id: string | undefined, index: number | undefined): RecordChoice {
  if (id !== undefined && index === undefined) return { id };
  if (id === undefined && index !== undefined) return { index };
  throw usageError('give the id of a record, or --index');
}

async function find(
  logs: readonly EvidenceLogFolder[],
  choice: RecordChoice,
): Promise<{ readonly log: EvidenceLogFolder; readonly record: ProvedRecord }> {
  const { proveRecord } = await import('@cortex-governance/evidence-writer');
  const which = 'id' in choice ? choice.id : `number ${choice.index}`;
  for (const log of logs) {
    const record = await proveRecord(log.dir, choice);
    if (record.status === 'proved') return { log, record };
    if (record.status === 'unsigned') {
      throw new CliError(
        'FAULT',
        `record ${which} is in ${log.dir}, and no signed checkpoint covers it yet: try again in a second; when no process writes this log any more, start one`,
        'RECORD_UNSIGNED',
      );
    }
  }
  const places = logs.map(({ dir }) => dir).join(', ');
  throw new CliError('NO', `no record ${which} in ${places}`, 'RECORD_UNKNOWN');
}

function filesFor(
  context: CliContext,
  out: string | undefined,
  name: string,
): { readonly proof: string; readonly record: string } {
  if (out === undefined && !/^[A-Za-z0-9][A-Za-z0-9-]{0,127}$/.test(name)) {
    throw usageError('this id makes no file name; name a file with --out');
  }
  const proof = resolve(context.cwd, out ?? `${name}${PROOF_SUFFIX}`);
  const stem = proof.endsWith(PROOF_SUFFIX) ? proof.slice(0, -PROOF_SUFFIX.length) : proof;
  return { proof, record: `${stem}.json` };
}

function print(
  context: CliContext,
  json: boolean | undefined,
  log: EvidenceLogFolder,
  { origin, index, size, leafHash, record }: ProvedRecord,
  files: { readonly proof: string; readonly record: string },
): void {
  const leaf = Buffer.from(leafHash).toString('hex');
  const recordFile = record === null ? null : files.record;
  const value = {
    log: log.dir,
    origin,
    index,
    size,
    leafHash: leaf,
    proofFile: files.proof,
    recordFile,
  };
  const body =
    recordFile === null
      ? `  the body of this record was erased; the proof is for its leaf hash ${leaf}`
      : `  record ${recordFile}`;
  printResult(context, json, value, [
    `proved: record ${index} of ${origin}, under a signed checkpoint over ${size} records`,
    `  proof ${files.proof}`,
    body,
  ]);
}

function parseIndex(text: string): number {
  const index = Number(text);
  if (!/^(0|[1-9]\d{0,15})$/.test(text) || !Number.isSafeInteger(index)) {
    throw new InvalidArgumentError('Not a number from 0.');
  }
  return index;
}
