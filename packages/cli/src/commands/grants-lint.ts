import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { openWorkspace } from '../workspace.ts';

/** `govern grants lint`: everything that is wrong with the grants, and what is likely a mistake. */
export function grantsLintCommand(context: CliContext): Command {
  return leafCommand(
    'lint',
    'Check every grant file. Exit 1 when a grant would not load; warnings alone exit 0.',
    [
      { line: 'govern grants lint', meaning: 'The grants of the nearest .cortex folder.' },
      { line: 'govern grants lint --root ci/.cortex --json', meaning: 'For a pipeline.' },
    ],
  ).action((options: GlobalOptions) => lint(context, options));
}

async function lint(context: CliContext, options: GlobalOptions): Promise<void> {
  const { root, paths } = await openWorkspace(context, options);
  const { lintGrants } = await import('@cortex-governance/grant-loader');
  const report = await lintGrants(root, { workspace: paths.workspace });
  context.exit = report.errors === 0 ? 'OK' : 'NO';
  printResult(context, options.json, report, [
    ...report.findings.map(({ file, place, severity, code, message }) => {
      return `${severity} [${code}] ${file}${place === '' ? '' : `:${place}`}: ${message}`;
    }),
    `${report.folder}: grants in order ${report.grants}, errors ${report.errors}, warnings ${report.warnings}`,
  ]);
}
