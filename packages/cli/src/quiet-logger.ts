import { type Logger, silentLogger } from '@cortex-governance/core';
import type { CliContext } from './cli-context.ts';
import { printNote } from './output.ts';

/** True when the user asked for details of faults. */
export function isDebug(context: CliContext): boolean {
  return context.env['GOVERN_DEBUG'] === '1';
}

/** A logger for short commands, whose failures are told by the error line: silent but for GOVERN_DEBUG=1. */
export function quietLogger(context: CliContext): Logger {
  if (!isDebug(context)) return silentLogger;
  const log =
    (level: string): Logger['info'] =>
    (event, fields) =>
      printNote(context, `${level} ${event} ${JSON.stringify(fields ?? {})}`);
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}
