import type { Readable, Writable } from 'node:stream';
import { type Logger, parseOptions } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import { ChildServer } from './child-server.ts';
import { createMcpProxy, type McpProxy, type McpProxyEnd } from './mcp-proxy.ts';
import {
  GOVERNOR_METHODS,
  hasMethods,
  identifierSchema,
  isFunction,
  loggerSchema,
  maxPendingSchema,
} from './mcp-proxy-options.ts';
import { StreamGate } from './stream-gate.ts';

/** Options of `runMcpProxy`. */
export interface RunMcpProxyOptions {
  readonly governor: Governor;
  /** The MCP server's program. It is not run by a shell. */
  readonly command: string;
  /** @defaultValue none */
  readonly args?: readonly string[];
  /**
   * Environment variables of the server, besides those that the SDK holds to be safe to inherit (`HOME`,
   * `LOGNAME`, `PATH`, `SHELL`, `TERM`, `USER`; on Windows their like). @defaultValue none
   */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory of the server. @defaultValue the governed workspace, so that relative paths mean the same to both */
  readonly cwd?: string;
  /** @defaultValue `mcp.tool` of the configuration */
  readonly tool?: string;
  /** @defaultValue `mcp.tenant` of the configuration */
  readonly tenant?: string;
  /** @defaultValue `mcp.agent` of the configuration */
  readonly agent?: string;
  /** Where the client's messages come from. @defaultValue the process's */
  readonly stdin?: Readable;
  /** Where messages to the client go; nothing else is written to it. @defaultValue the process's */
  readonly stdout?: Writable;
  /** @defaultValue the governor's */
  readonly logger?: Logger;
  /** Longest message, in bytes, from either side. A longer one ends the session. @defaultValue 4 MiB */
  readonly maxMessageBytes?: number;
  /** Most requests of the client in flight. @defaultValue 1024 */
  readonly maxPending?: number;
  /** Signals that are passed on to the server and end the session. @defaultValue SIGINT, SIGTERM, SIGHUP */
  readonly signals?: readonly NodeJS.Signals[];
  /** Called once the server runs, before anything passes; such as to register the counters as metrics. */
  readonly onStart?: (proxy: McpProxy) => void;
}

/** How a governed MCP server ended. */
export interface McpProxyExit extends McpProxyEnd {
  /** The server's exit code; 128 and the signal's number when a signal ended it; 1 after a problem of the session. */
  readonly exitCode: number;
}

/** Room for a large file in one message: 4 MiB. */
export const DEFAULT_MAX_MESSAGE_BYTES = 4_194_304;

/** A read can bring a block of 64 KiB behind an unfinished message that is almost as long. */
const MIN_MESSAGE_BYTES = 131_072;

/** Longest string that V8 makes is 512 MiB; a message is one. */
const MAX_MESSAGE_BYTES = 268_435_456;

const DEFAULT_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const optionsSchema = z.strictObject({
  governor: z.custom<Governor>(hasMethods(...GOVERNOR_METHODS), 'not a governor'),
  command: z.string().min(1),
  args: z.array(z.string()).readonly().default([]),
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().min(1).optional(),
  tool: identifierSchema.optional(),
  tenant: identifierSchema.optional(),
  agent: identifierSchema.optional(),
  stdin: z.custom<Readable>(hasMethods('on', 'pause'), 'not a readable stream').optional(),
  stdout: z.custom<Writable>(hasMethods('on', 'write'), 'not a writable stream').optional(),
  logger: loggerSchema.optional(),
  maxMessageBytes: z
    .int()
    .min(MIN_MESSAGE_BYTES)
    .max(MAX_MESSAGE_BYTES)
    .default(DEFAULT_MAX_MESSAGE_BYTES),
  maxPending: maxPendingSchema,
  signals: z.array(z.custom<NodeJS.Signals>(isString)).readonly().default(DEFAULT_SIGNALS),
  onStart: z.custom<(proxy: McpProxy) => void>(isFunction, 'not a function').optional(),
});

type ResolvedOptions = z.output<typeof optionsSchema>;

/**
 * Runs an MCP server behind this process's own stdin and stdout, governed. Resolves when the server has
 * ended; it is ended when the client closes its side.
 *
 * Does not close the governor. Nothing but protocol is written to stdout; the server's stderr is this
 * process's.
 * @throws {GovernanceError} OPTIONS_INVALID; UPSTREAM_UNAVAILABLE when the server cannot be started.
 */
export async function runMcpProxy(options: RunMcpProxyOptions): Promise<McpProxyExit> {
  const resolved = parseOptions(optionsSchema, options, 'runMcpProxy(options)');
  const child = await ChildServer.start({
    command: resolved.command,
    args: resolved.args,
    env: resolved.env,
    cwd: resolved.cwd ?? resolved.governor.paths.workspace,
  });
  const proxy = createBridge(resolved, child);
  const end = (signal: NodeJS.Signals): void => {
    child.signal(signal);
    void proxy.close();
  };
  for (const signal of resolved.signals) process.on(signal, end);
  try {
    return await untilEnded(resolved, proxy, child);
  } finally {
    for (const signal of resolved.signals) process.off(signal, end);
  }
}

async function untilEnded(
  options: ResolvedOptions,
  proxy: McpProxy,
  child: ChildServer,
): Promise<McpProxyExit> {
  try {
    options.onStart?.(proxy);
    await proxy.start();
  } catch (error) {
    await proxy.close();
    await child.stop();
    throw error;
  }
  const end = await proxy.ended;
  // A server that only closed its output must end too, or nothing would ever end it.
  const exitCode = await child.stop();
  return { ...end, exitCode: end.problem === '' ? exitCode : 1 };
}

function createBridge(options: ResolvedOptions, child: ChildServer): McpProxy {
  const { governor, maxMessageBytes, maxPending } = options;
  const { stdin = process.stdin, stdout = process.stdout } = options;
  const limits = { maxBufferSize: maxMessageBytes };
  const fromClient = new StreamGate(stdin);
  const fromServer = new StreamGate(child.stdout);
  return createMcpProxy({
    governor,
    tool: options.tool ?? governor.config.mcp.tool,
    tenant: options.tenant ?? governor.config.mcp.tenant,
    agent: options.agent ?? governor.config.mcp.agent,
    client: new StdioServerTransport(stdin, stdout, limits),
    server: new StdioServerTransport(child.stdout, child.stdin, limits),
    logger: options.logger ?? governor.logger,
    maxPending,
    onWaiting: (side, waits) => {
      fromClient.hold(waits);
      // A server that does not read is still read from: it may be waiting for that before it reads.
      if (side === 'client') fromServer.hold(waits);
    },
  });
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}
