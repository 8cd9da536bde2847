import type { Logger } from '@cortex-governance/core';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Whether a value can be logged to. */
export function isLogger(value: unknown): value is Logger {
  if (typeof value !== 'object' || value === null) return false;
  return LEVELS.every((level) => typeof (value as Partial<Logger>)[level] === 'function');
}
