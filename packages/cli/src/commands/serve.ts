import type { Governor } from '@cortex-governance/governor';
import type { GovernanceServer, ServerAddress } from '@cortex-governance/server';
import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { EXIT_CODES } from '../exit-code.ts';
import { findRoot } from '../find-root.ts';
import { leafCommand } from '../leaf-command.ts';
import { printNote, printResult } from '../output.ts';
import { listenForShutdown } from '../shutdown-signal.ts';

interface ServeOptions extends GlobalOptions {
  readonly host?: string;
  readonly port?: string;
  readonly publicUrl?: string;
  readonly allowHost?: readonly string[];
}

/** `govern serve`: the sidecar, until a signal ends it. */
export function serveCommand(context: CliContext): Command {
  return leafCommand(
    'serve',
    'Serve decisions over HTTP (OpenID AuthZEN 1.0). SIGINT or SIGTERM ends it after requests in flight and evidence are done; a second signal ends it at once.',
    [
      { line: 'govern serve', meaning: 'On 127.0.0.1:8004, or as governance.yaml says.' },
      { line: 'govern serve --port 0 --json', meaning: 'On a free port, told as JSON.' },
      {
        line: 'govern serve --public-url https://pdp.example.com --allow-host pdp.example.com',
        meaning: 'Behind a proxy that ends TLS.',
      },
    ],
  )
    .option('--host <address>', 'address to listen on (default: as configured, 127.0.0.1)')
    .option('--port <number>', 'port; 0 takes a free one (default: as configured, 8004)')
    .option('--public-url <url>', 'base URL that callers use, for the AuthZEN metadata')
    .option('--allow-host <name...>', 'further names that a Host header may carry')
    .action((options: ServeOptions) => serve(context, options));
}

async function serve(context: CliContext, options: ServeOptions): Promise<void> {
  // A second signal means: now. Evidence that was acknowledged as durable is on disk already.
  const shutdown = listenForShutdown(() => process.exit(EXIT_CODES.FORCED.status));
  try {
    const port = options.port === undefined ? undefined : parsePort(options.port);
    const root = await findRoot(context.cwd, options.root);
    const { createGovernor } = await import('@cortex-governance/governor');
    const governor = await createGovernor({ root, name: 'server' });
    try {
      const server = await openServer(governor, options, port);
      try {
        announce(context, options, governor, await server.listen());
        printNote(context, `${await shutdown.received}: closing`);
      } finally {
        await server.close();
      }
    } finally {
      await governor.close();
    }
  } finally {
    shutdown.dispose();
  }
}

async function openServer(
  governor: Governor,
  options: ServeOptions,
  port: number | undefined,
): Promise<GovernanceServer> {
  const { createServer } = await import('@cortex-governance/server');
  return createServer(governor, {
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(port === undefined ? {} : { port }),
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    ...(options.allowHost === undefined ? {} : { allowedHosts: options.allowHost }),
  });
}

function announce(
  context: CliContext,
  options: ServeOptions,
  governor: Governor,
  address: ServerAddress,
): void {
  const { paths, killSwitch } = governor;
  const tools = governor.grants.current().tools();
  const { policyHash } = governor.grants.current();
  const stops = killSwitch.status().entries.length;
  const evidenceDir = governor.evidence.status().dir;
  const result = {
    ...address,
    pid: process.pid,
    root: paths.root,
    grants: tools,
    policyHash,
    stops,
    evidenceDir,
    operatorTokenFile: paths.operatorTokenFile,
  };
  printResult(context, options.json, result, [
    `listening on ${address.url}`,
    `  root            ${paths.root}`,
    `  grants          ${tools.length === 0 ? 'none: every call is denied' : [...tools].sort().join(', ')}`,
    `  policy          ${policyHash}`,
    `  stops in force  ${stops}`,
    `  evidence        ${evidenceDir}`,
    `  operator token  in ${paths.operatorTokenFile}`,
  ]);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port > 65_535) throw usageError(`--port: not a port: ${text}`);
  return port;
}
