import type { BenchWriterKind } from './bench-writer.ts';
import { evidenceLog } from './evidence-log-writer.ts';
import { pinoLog } from './pino-writer.ts';
import { plainLoop } from './plain-loop-writer.ts';

/** Everything that takes part, in the order of the tables. */
export const KINDS: readonly BenchWriterKind[] = [
  evidenceLog('accepted'),
  evidenceLog('os'),
  evidenceLog('disk'),
  evidenceLog('checkpointed'),
  plainLoop,
  pinoLog('sync'),
  pinoLog('async'),
  pinoLog('worker'),
];

export function kindOf(name: string): BenchWriterKind {
  const kind = KINDS.find((one) => one.name === name);
  if (kind === undefined) throw new Error(`no writer ${name}`);
  return kind;
}
