import { resolve } from 'node:path';
import { type Clock, type Logger, silentLogger, systemClock } from '@cortex-governance/core';
import { z } from 'zod';

/** Time between two looks at the file, in milliseconds: a watcher can miss events, this does not. */
export const DEFAULT_POLL_MS = 500;

/** Longest wait for another process's write, in milliseconds. A write takes a few. */
export const DEFAULT_LOCK_TIMEOUT_MS = 5000;

export interface KillSwitchOptions {
  /** The folder that holds `kill-switch.json`, such as `.cortex`. It must exist. */
  readonly root: string;
  /**
   * Milliseconds between two looks at the file, 10 to 60,000: the bound on how long another process's
   * stop can go unseen where the watcher fails.
   * @defaultValue {@link DEFAULT_POLL_MS}
   */
  readonly pollMs?: number | undefined;
  /**
   * Whether the folder is watched as well, so that a change is seen at once.
   * @defaultValue true
   */
  readonly watch?: boolean | undefined;
  /**
   * Longest wait for the lock of the file, in milliseconds, 1 to 60,000.
   * @defaultValue {@link DEFAULT_LOCK_TIMEOUT_MS}
   */
  readonly lockTimeoutMs?: number | undefined;
  /** @defaultValue core's `systemClock` */
  readonly clock?: Clock | undefined;
  /** @defaultValue core's `silentLogger` */
  readonly logger?: Logger | undefined;
}

const clock = z.custom<Clock>(
  (value) => typeof (value as Clock | null)?.wallMs === 'function',
  'not a clock',
);

const logger = z.custom<Logger>(
  (value) => typeof (value as Logger | null)?.error === 'function',
  'not a logger',
);

export const killSwitchOptionsSchema = z.strictObject({
  root: z
    .string()
    .min(1)
    .refine((path) => !path.includes('\0'), 'NUL byte')
    .transform((path) => resolve(path)),
  pollMs: z.int().min(10).max(60_000).default(DEFAULT_POLL_MS),
  watch: z.boolean().default(true),
  lockTimeoutMs: z.int().min(1).max(60_000).default(DEFAULT_LOCK_TIMEOUT_MS),
  clock: clock.default(systemClock),
  logger: logger.default(silentLogger),
});

/** Options with defaults, the root absolute. */
export type CheckedOptions = z.output<typeof killSwitchOptionsSchema>;
