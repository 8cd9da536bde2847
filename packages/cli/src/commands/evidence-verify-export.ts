import type { ExportReport } from '@cortex-governance/evidence-writer';
import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { readInputFile, readKeyLines } from '../input-file.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';

/** Longest export that is read, in bytes (256 MiB): more than is ever written. */
const MAX_EXPORT_BYTES = 268_435_456;

interface VerifyExportOptions extends GlobalOptions {
  readonly key: string;
}

/** `govern evidence verify-export`: whether every record of an export is as its log has it. */
export function evidenceVerifyExportCommand(context: CliContext): Command {
  return leafCommand(
    'verify-export',
    'Verify a file that govern evidence export wrote, offline: its signature, its id, and that every record is in the log of that key. Needs no workspace. It does not show that no record was left out.',
    [
      {
        line: 'govern evidence verify-export acme-november.json --key auditor/server.vkey',
        meaning: 'Against a key that the auditor kept.',
      },
    ],
  )
    .argument('<file>', 'the export')
    .requiredOption('--key <file>', 'public keys, one vkey line each; any of them may have signed')
    .action((file: string, options: VerifyExportOptions) => verifyExport(context, file, options));
}

async function verifyExport(
  context: CliContext,
  file: string,
  options: VerifyExportOptions,
): Promise<void> {
  const { verifyEvidenceExport } = await import('@cortex-governance/evidence-writer');
  const keys = await readKeyLines(context, options.key);
  const text = (await readInputFile(context, 'file', file, MAX_EXPORT_BYTES)).toString();
  const report = verifyEvidenceExport(text, keys);
  context.exit = report.ok ? 'OK' : 'NO';
  printResult(context, options.json, summary(report), describe(report));
}

function summary({ ok, problem, content }: ExportReport): object {
  if (content === null) return { ok, problem };
  return { ok, problem, ...content, records: content.records.length };
}

function describe({ problem, content }: ExportReport): readonly string[] {
  if (content === null) return [`BAD ${problem}`];
  const { id, origin, size, root, selection, erased, records } = content;
  const chosen = Object.entries(selection).map(([name, value]) => `${name} ${value}`);
  const lines = [
    `ok: ${records.length} records of ${origin}, each in its log, signed by its key`,
    `  id ${id}`,
    `  selected by ${chosen.join(', ')}`,
    `  checkpoint over ${size} records, root ${root}`,
  ];
  if (erased > 0) lines.push(`  ${erased} records of the log were erased before`);
  return lines;
}
