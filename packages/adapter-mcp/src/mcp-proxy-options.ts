import { type Logger, MAX_IDENTIFIER_LENGTH, silentLogger } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { Transport } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** What a proxy needs of a governor. */
export type McpGovernor = Pick<
  Governor,
  'authorize' | 'refuse' | 'onStop' | 'settle' | 'cancel' | 'grants' | 'tenants'
>;

/** The methods by which a governor is told from other objects. */
export const GOVERNOR_METHODS = ['authorize', 'refuse', 'onStop', 'settle', 'cancel'] as const;

/** Options of `createMcpProxy`. */
export interface McpProxyOptions {
  readonly governor: McpGovernor;
  /** The `tool` of the grant that governs the MCP server; its actions are the server's tool names. */
  readonly tool: string;
  /** Tenant of every call. An empty one is no tenant: every call is denied with TENANT_MISSING. */
  readonly tenant: string;
  /** Agent (`subject.id`) of every call. */
  readonly agent: string;
  /** Towards the MCP client. The proxy starts and closes it. */
  readonly client: Transport;
  /** Towards the governed MCP server. The proxy starts and closes it. */
  readonly server: Transport;
  /** @defaultValue silent */
  readonly logger?: Logger;
  /** Most requests of the client in flight; more are refused. @defaultValue 1024 */
  readonly maxPending?: number;
  /**
   * Called when messages to a side begin to pile up, because it does not read, and when none waits any
   * more. Whoever owns the streams should stop reading meanwhile: a session in which 8,192 messages wait
   * ends. @defaultValue none
   */
  readonly onWaiting?: (side: 'client' | 'server', waits: boolean) => void;
}

/** Far more than a client that waits for answers has in flight, and little memory. */
export const DEFAULT_MAX_PENDING = 1024;

/** Bound of the bound: 2^20 entries take some hundred megabytes. */
const MAX_PENDING_LIMIT = 1_048_576;

/** A name the decision engine accepts; see `findRequestProblem`. */
export const identifierSchema = z.string().min(1).max(MAX_IDENTIFIER_LENGTH);

/** A tenant, or the empty string, which the engine answers with a code of its own. */
export const tenantSchema = z.string().max(MAX_IDENTIFIER_LENGTH);

export const maxPendingSchema = z.int().min(1).max(MAX_PENDING_LIMIT).default(DEFAULT_MAX_PENDING);

export const loggerSchema = z.custom<Logger>(hasMethods('warn', 'error', 'info'), 'not a logger');

export const mcpProxyOptionsSchema = z.strictObject({
  governor: z.custom<McpGovernor>(hasMethods(...GOVERNOR_METHODS), 'not a governor'),
  tool: identifierSchema,
  tenant: tenantSchema,
  agent: identifierSchema,
  client: z.custom<Transport>(hasMethods('start', 'send', 'close'), 'not a transport'),
  server: z.custom<Transport>(hasMethods('start', 'send', 'close'), 'not a transport'),
  logger: loggerSchema.default(() => silentLogger),
  maxPending: maxPendingSchema,
  onWaiting: z
    .custom<NonNullable<McpProxyOptions['onWaiting']>>(isFunction, 'not a function')
    .default(() => () => {}),
});

/** {@link McpProxyOptions}, checked and with defaults filled in. */
export type ResolvedMcpProxyOptions = z.output<typeof mcpProxyOptionsSchema>;

/** Says whether a value is an object with these methods, which is all that can be checked of a port. */
export function hasMethods(...names: readonly string[]): (value: unknown) => boolean {
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}
