import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option } from 'commander';
import type { CliContext, GlobalOptions } from './cli-context.ts';
import { CliError, usageError } from './cli-error.ts';
import { OperatorClient } from './operator-client.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

/** Options that name a running server. */
export interface ServerOptions extends GlobalOptions {
  readonly url?: string;
  readonly tokenFile?: string;
}

/** `--url`, for every command that can talk to a server. */
export function urlOption(description: string): Option {
  return new Option('--url <url>', description);
}

/** `--token-file`, for every command that can talk to a server. */
export function tokenFileOption(): Option {
  return new Option('--token-file <file>', 'file with the operator token (default: as configured)');
}

/** A client for the server that the options name, or else the one that the workspace's configuration describes. */
export async function openServer(
  context: CliContext,
  options: ServerOptions,
): Promise<OperatorClient> {
  if (options.url !== undefined && options.tokenFile !== undefined) {
    return OperatorClient.open(options.url, resolve(context.cwd, options.tokenFile));
  }
  const workspace = await openWorkspace(context, options);
  const url = options.url ?? configuredUrl(workspace);
  if (options.tokenFile !== undefined) {
    return OperatorClient.open(url, resolve(context.cwd, options.tokenFile));
  }
  const { operatorTokenFile } = workspace.paths;
  if (!existsSync(operatorTokenFile)) {
    throw new CliError('UNREACHABLE', `no server has run here: there is no ${operatorTokenFile}`);
  }
  return OperatorClient.open(url, operatorTokenFile);
}

function configuredUrl({ config }: Workspace): string {
  const { host, port } = config.server;
  if (port === 0)
    throw usageError('server.port is 0 in the configuration; name the server with --url');
  const anywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const name = anywhere[host] ?? host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
