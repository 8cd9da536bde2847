import { type Clock, type Logger, silentLogger, systemClock } from '@cortex-governance/core';
import { z } from 'zod';
import { DEFAULT_MAX_CALL_IDS, DEFAULT_MAX_RESERVATIONS } from './rate-limiter-options.ts';
import type { RedisConnection } from './redis-connection.ts';
import { OUTAGE_NOTICES, type RedisFailMode } from './redis-counters.ts';

/** What is done while the store does not answer, when the option is left out: no call is admitted. */
export const DEFAULT_FAIL_MODE = 'closed';

/** Longest wait for an answer of the store in milliseconds, when the option is left out. */
export const DEFAULT_TIMEOUT_MS = 250;

/** Longest wait for a connection in milliseconds, when the option is left out. */
export const DEFAULT_CONNECT_TIMEOUT_MS = 1000;

/** First part of every key in the store, when the option is left out. */
export const DEFAULT_KEY_PREFIX = 'cortex:limit:';

/** Keys held in this process at most, when the option is left out: some 100 MB. */
export const DEFAULT_REDIS_MAX_KEYS = 100_000;

/** Half of what a Map can hold, so that it always has room for deleted entries. */
const MOST_ENTRIES = 8_000_000;

/** Longest wait that can be set, in milliseconds: a minute. */
const MOST_TIMEOUT_MS = 60_000;

/** Nodes of a cluster that can be named. */
const MOST_NODES = 1000;

/** Exactly one of `url`, `nodes` and `connection` says where the store is. */
export interface RedisLimiterOptions {
  /** `redis://` or `rediss://` of a single server; needs the package @redis/client. */
  readonly url?: string | undefined;
  /**
   * URLs of nodes of a cluster, from which the others are found; needs the package @redis/client. User,
   * password and TLS of the first one hold for all.
   */
  readonly nodes?: readonly string[] | undefined;
  /** A client of your own. It is closed with the limiter. */
  readonly connection?: RedisConnection | undefined;
  /**
   * What is done while the store does not answer: `closed` refuses (LIMITER_UNAVAILABLE), `open` admits
   * without counting, `local` counts {@link localShare} of each limit in this process.
   * @defaultValue {@link DEFAULT_FAIL_MODE}
   */
  readonly failMode?: RedisFailMode | undefined;
  /**
   * Share of each limit that this process admits by itself under failMode `local`, above 0 and at most 1;
   * at least one unit. Required there, and refused elsewhere. Give each of N processes 1 / N.
   */
  readonly localShare?: number | undefined;
  /**
   * Longest wait for an answer of the store, 10 to 60,000 milliseconds.
   * @defaultValue {@link DEFAULT_TIMEOUT_MS}
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Longest wait for a connection, 10 to 60,000 milliseconds.
   * @defaultValue {@link DEFAULT_CONNECT_TIMEOUT_MS}
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * First part of every key: up to 100 characters without braces. Processes share what they count under
   * one prefix.
   * @defaultValue {@link DEFAULT_KEY_PREFIX}
   */
  readonly prefix?: string | undefined;
  /** Keys held here at most, 1 to 8,000,000. @defaultValue {@link DEFAULT_REDIS_MAX_KEYS} */
  readonly maxKeys?: number | undefined;
  /** Call ids remembered here at most. @defaultValue {@link DEFAULT_MAX_CALL_IDS} */
  readonly maxCallIds?: number | undefined;
  /** Calls at most that are not settled. @defaultValue {@link DEFAULT_MAX_RESERVATIONS} */
  readonly maxReservations?: number | undefined;
  /** The clock of the times that the limiter is given. @defaultValue systemClock */
  readonly clock?: Clock | undefined;
  /** Told LIMIT_STORE_UNAVAILABLE and LIMIT_STORE_RECOVERED, once each time. @defaultValue silentLogger */
  readonly logger?: Logger | undefined;
  /** 0 to below 1; spreads retries. @defaultValue Math.random */
  readonly random?: (() => number) | undefined;
}

const redisUrl = z
  .string()
  .max(2048)
  .refine((value) => {
    const url = tryUrl(value);
    return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== '';
  }, 'must be a redis:// or rediss:// URL');

const entries = z.int().min(1).max(MOST_ENTRIES);
const timeout = z.int().min(10).max(MOST_TIMEOUT_MS);
const failModes = Object.keys(OUTAGE_NOTICES) as RedisFailMode[];

export const redisLimiterOptionsSchema = z
  .strictObject({
    url: redisUrl.optional(),
    nodes: z
      .tuple([redisUrl], redisUrl)
      .refine((urls) => urls.length <= MOST_NODES)
      .optional(),
    connection: z
      .custom<RedisConnection>(
        (value) => hasMethods(value, ['evalScript', 'close']),
        'must have evalScript() and close()',
      )
      .optional(),
    failMode: z.enum(failModes).default(DEFAULT_FAIL_MODE),
    localShare: z.number().gt(0).max(1).optional(),
    timeoutMs: timeout.default(DEFAULT_TIMEOUT_MS),
    connectTimeoutMs: timeout.default(DEFAULT_CONNECT_TIMEOUT_MS),
    prefix: z
      .string()
      .max(100)
      .regex(/^[^{}]*$/, 'must not hold braces: they would decide which node holds the key')
      .default(DEFAULT_KEY_PREFIX),
    maxKeys: entries.default(DEFAULT_REDIS_MAX_KEYS),
    maxCallIds: entries.default(DEFAULT_MAX_CALL_IDS),
    maxReservations: entries.default(DEFAULT_MAX_RESERVATIONS),
    clock: z
      .custom<Clock>(
        (value) => hasMethods(value, ['monotonicMs', 'wallMs']),
        'must have monotonicMs() and wallMs()',
      )
      .default(systemClock),
    logger: z
      .custom<Logger>(
        (value) => hasMethods(value, ['debug', 'info', 'warn', 'error']),
        'must have debug(), info(), warn() and error()',
      )
      .default(silentLogger),
    random: z
      .custom<() => number>((value) => typeof value === 'function', 'must be a function')
      .default(() => Math.random),
  })
  .refine(
    ({ url, nodes, connection }) =>
      [url, nodes, connection].filter((place) => place !== undefined).length === 1,
    'exactly one of url, nodes and connection must be given',
  )
  .refine(
    ({ failMode, localShare }) => (failMode === 'local') === (localShare !== undefined),
    "localShare must be given with failMode 'local', and only there",
  );

function tryUrl(value: string): URL | null {
  try {
    return new URL(value);
  } catch {
    return null;
  }
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof Reflect.get(value, name) === 'function');
}
