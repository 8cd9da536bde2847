import { z } from 'zod';

/** Every default of `createServer`. Units are in the names. */
export const SERVER_DEFAULTS = Object.freeze({
  /** Longest wait for a request's headers: a client that sends a byte now and then holds a socket no longer. */
  headersTimeoutMs: 10_000,
  /** Longest wait for a whole request. */
  requestTimeoutMs: 30_000,
  /** How long an idle connection is kept: longer than common proxies keep theirs (60 s), so that they close first. */
  keepAliveTimeoutMs: 65_000,
  /** Requests on one connection, so that load spreads again after a restart. */
  maxRequestsPerSocket: 10_000,
  /** Open connections: well below the usual limit of open files. */
  maxConnections: 4_096,
  /** How long `close` waits for requests in flight. */
  closeTimeoutMs: 10_000,
});

const D = SERVER_DEFAULTS;
const MAX_PORT = 65_535;
const timeoutMs = z.int().min(1).max(3_600_000);

export const serverOptionsSchema = z.strictObject({
  host: z.string().min(1).optional(),
  port: z.int().min(0).max(MAX_PORT).optional(),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/[?#]/.test(url), { message: 'has a query or a fragment' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  allowedHosts: z.array(z.string().min(1)).default([]),
  fallbackRequiredSubfields: z.boolean().default(false),
  headersTimeoutMs: timeoutMs.default(D.headersTimeoutMs),
  requestTimeoutMs: timeoutMs.default(D.requestTimeoutMs),
  keepAliveTimeoutMs: timeoutMs.default(D.keepAliveTimeoutMs),
  maxRequestsPerSocket: z.int().min(1).max(1_000_000_000).default(D.maxRequestsPerSocket),
  maxConnections: z.int().min(1).max(1_000_000).default(D.maxConnections),
  closeTimeoutMs: timeoutMs.default(D.closeTimeoutMs),
});

/** Checked options, defaults filled in. */
export type CheckedServerOptions = z.output<typeof serverOptionsSchema>;

/** Options of `createServer`. All are optional. */
export interface ServerOptions {
  /** Address to listen on. @defaultValue `server.host` of the configuration, 127.0.0.1 */
  readonly host?: string;
  /** Port; 0 takes any free one. @defaultValue `server.port` of the configuration, 8004 */
  readonly port?: number;
  /** Base URL that callers use, when a proxy stands before the server. @defaultValue the address listened on */
  readonly publicUrl?: string;
  /**
   * Names, besides loopback names and the address listened on, that a `Host` header may carry.
   * @defaultValue none
   */
  readonly allowedHosts?: readonly string[];
  /**
   * Whether a batch entry whose subject, action or resource lacks a required member takes that member
   * from the top level, as the older AuthZEN scenario text allowed (openid/authzen#640).
   * @defaultValue false: the entry's entity replaces the whole default
   */
  readonly fallbackRequiredSubfields?: boolean;
  /** @defaultValue 10 000 */
  readonly headersTimeoutMs?: number;
  /** @defaultValue 30 000 */
  readonly requestTimeoutMs?: number;
  /** @defaultValue 65 000 */
  readonly keepAliveTimeoutMs?: number;
  /** @defaultValue 10 000 */
  readonly maxRequestsPerSocket?: number;
  /** Connections beyond this are dropped and counted. @defaultValue 4 096 */
  readonly maxConnections?: number;
  /** @defaultValue 10 000 */
  readonly closeTimeoutMs?: number;
}
