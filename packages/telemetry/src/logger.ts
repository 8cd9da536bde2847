import {
  type Clock,
  type LogFields,
  type Logger,
  parseOptions,
  systemClock,
} from '@cortex-governance/core';
import pino from 'pino';
import { z } from 'zod';
import { type LogDestination, LogOutput } from './log-destination.ts';
import { cleanFields, cleanText } from './log-fields.ts';
import { normalizeName } from './secret-names.ts';

/** On every line, so that operators find the lines of all our services with one search. */
export const LOG_BRAND = 'brAInwav';

/** Lines below this level are not written. */
export const DEFAULT_LOG_LEVEL = 'info';

const MAX_EVENT_LENGTH = 128;

/** Members that every line has; a field of the same name gets an underscore behind it. */
const OWN_MEMBERS = new Set(['level', 'time', 'brand', 'event']);

const optionsSchema = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default(DEFAULT_LOG_LEVEL),
  destination: z.custom<LogDestination>(isDestination, 'not a stream').optional(),
  sync: z.boolean().default(true),
  redact: z.array(z.string().min(1)).default([]),
  clock: z.custom<Clock>(isClock, 'not a clock').default(systemClock),
});

/** Options of {@link createLogger}; the README has the table of defaults. */
export type LoggerOptions = z.input<typeof optionsSchema>;

/** A {@link Logger} with an end. */
export interface StructuredLogger extends Logger {
  /** Lines that could not be written. Only rises. */
  readonly dropped: number;
  /** Resolves when what was logged is written, or when it is clear that it never will be. Later lines are dropped. */
  close(): Promise<void>;
}

/**
 * A logger that writes one line of JSON per event, to standard error unless told otherwise. It never
 * throws: a line that cannot be written is dropped and counted.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function createLogger(options: LoggerOptions = {}): StructuredLogger {
  return new PinoLogger(parseOptions(optionsSchema, options, 'createLogger(options)'));
}

type Level = 'debug' | 'info' | 'warn' | 'error';

class PinoLogger implements StructuredLogger {
  readonly #pino: pino.Logger;
  readonly #output: LogOutput;
  readonly #secretNames: ReadonlySet<string>;
  #failed = 0;

  constructor(options: z.output<typeof optionsSchema>) {
    this.#output = new LogOutput(options.destination, options.sync);
    this.#secretNames = new Set(options.redact.map(normalizeName));
    this.#pino = pino(
      {
        level: options.level,
        base: { brand: LOG_BRAND },
        messageKey: 'event',
        timestamp: () => `,"time":"${isoTime(options.clock)}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      this.#output,
    );
  }

  get dropped(): number {
    return this.#failed + this.#output.dropped;
  }

  debug(event: string, fields?: LogFields): void {
    this.#log('debug', event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#log('info', event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#log('warn', event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#log('error', event, fields);
  }

  close(): Promise<void> {
    return this.#output.close();
  }

  #log(level: Level, event: string, fields: LogFields | undefined): void {
    if (!this.#pino.isLevelEnabled(level)) return;
    try {
      const clean = rename(cleanFields(fields, this.#secretNames));
      this.#pino[level](clean, cleanText(String(event), MAX_EVENT_LENGTH));
    } catch {
      this.#failed += 1;
    }
  }
}

/** The clock's time; the system's when the clock tells none, for a line must not be lost over it. */
function isoTime(clock: Clock): string {
  const time = new Date(clock.wallMs());
  return (Number.isNaN(time.getTime()) ? new Date() : time).toISOString();
}

/** The fields, without any that would stand beside a member of the line under the same name. */
function rename(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const renamed = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields)) {
    renamed[OWN_MEMBERS.has(name) ? `${name}_` : name] = value;
  }
  return renamed;
}

function isDestination(value: unknown): value is LogDestination {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<LogDestination>).write === 'function'
  );
}

function isClock(value: unknown): value is Clock {
  if (typeof value !== 'object' || value === null) return false;
  const { monotonicMs, wallMs } = value as Partial<Clock>;
  return typeof monotonicMs === 'function' && typeof wallMs === 'function';
}
