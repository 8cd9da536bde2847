import type { CliContext } from './cli-context.ts';
import { printable, printableJson } from './printable.ts';

/** Writes a result: one JSON document on one line with `--json`, the lines otherwise. */
export function printResult(
  context: CliContext,
  json: boolean | undefined,
  value: unknown,
  lines: readonly string[],
): void {
  if (json === true) context.stdout.write(`${printableJson(value)}\n`);
  else context.stdout.write(lines.map((line) => `${printable(line)}\n`).join(''));
}

/** Writes one line for the person who watches, apart from the result. */
export function printNote(context: CliContext, line: string): void {
  context.stderr.write(`${printable(line)}\n`);
}
