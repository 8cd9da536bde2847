import {
  type Clock,
  type Logger,
  type PolicyBackend,
  parseOptions,
  type RateLimiter,
} from '@cortex-governance/core';
import type { SigningKey } from '@cortex-governance/evidence-writer';
import { z } from 'zod';

/** The `.cortex` folder of the working directory. */
export const DEFAULT_ROOT = '.cortex';

/** Name of the evidence log of a process that embeds a governor. */
export const DEFAULT_NAME = 'app';

/** Options of `createGovernor`. */
export interface GovernorOptions {
  /** The `.cortex` folder. @defaultValue {@link DEFAULT_ROOT} */
  readonly root?: string;
  /**
   * Name of this process's evidence log: 1 to 64 of a-z, 0-9 and -. When another process holds it,
   * `<name>-2` and so on are tried. @defaultValue {@link DEFAULT_NAME}
   */
  readonly name?: string;
  /**
   * Obligation types that this process can meet; an allow with any other is denied by `enforce`.
   * @defaultValue none
   */
  readonly supportedObligations?: readonly string[];
  /** Narrows what the grants allow. @defaultValue null */
  readonly policy?: PolicyBackend | null;
  /**
   * Such as one over memory that worker threads share; the governor does not close it.
   * @defaultValue what `limiter` of the configuration describes
   */
  readonly limiter?: RateLimiter;
  /**
   * Signs the evidence log's checkpoints, such as one in a key management service.
   * @defaultValue what `evidence.keyEnv` or `evidence.keyFile` of the configuration names
   */
  readonly evidenceKey?: SigningKey;
  /** @defaultValue the system's clocks */
  readonly clock?: Clock;
  /** @defaultValue JSON lines on stderr at `log.level` */
  readonly logger?: Logger;
}

const schema = z.strictObject({
  root: z.string().min(1).default(DEFAULT_ROOT),
  name: z.string().min(1).default(DEFAULT_NAME),
  supportedObligations: z.array(z.string()).default([]),
  policy: z
    .custom<PolicyBackend>(hasMethod('evaluate'), 'not a policy backend')
    .nullable()
    .default(null),
  limiter: z.custom<RateLimiter>(hasMethod('take'), 'not a rate limiter').optional(),
  evidenceKey: z.custom<SigningKey>(hasMethod('sign'), 'not a signing key').optional(),
  clock: z.custom<Clock>(hasMethod('monotonicMs'), 'not a clock').optional(),
  logger: z.custom<Logger>(hasMethod('error'), 'not a logger').optional(),
});

/** {@link GovernorOptions} with defaults filled in. */
export type ParsedGovernorOptions = z.output<typeof schema>;

/** @throws {GovernanceError} OPTIONS_INVALID */
export function parseGovernorOptions(options: GovernorOptions): ParsedGovernorOptions {
  return parseOptions(schema, options, 'createGovernor(options)');
}

function hasMethod(name: string): (value: unknown) => boolean {
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Record<string, unknown>)[name] === 'function';
}
