import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { findRoot } from '../find-root.ts';
import { leafCommand } from '../leaf-command.ts';

interface McpOptions extends GlobalOptions {
  readonly tool?: string;
  readonly tenant?: string;
  readonly agent?: string;
  readonly env?: readonly string[];
}

/** `govern mcp`: an MCP server behind the governor. */
export function mcpCommand(context: CliContext): Command {
  return leafCommand(
    'mcp',
    "Run an MCP server over stdio, its tool calls governed by one grant: the grant's actions are the server's tools. Ends with the server's exit status. stdout carries the protocol alone.",
    [
      {
        line: 'govern mcp -- npx -y @modelcontextprotocol/server-filesystem .',
        meaning: 'Put this in place of the server command in the configuration of an MCP client.',
      },
      {
        line: 'govern mcp --tool github --env GITHUB_TOKEN -- github-mcp-server stdio',
        meaning: 'The server gets that one secret.',
      },
      {
        line: 'govern mcp --root ~/work/.cortex --tool files --agent desktop -- node server.mjs',
        meaning: 'Governed by the grant `files`, as agent `desktop`.',
      },
    ],
  )
    .option('--tool <id>', 'the grant (default: as configured, mcp)')
    .option('--tenant <id>', 'tenant of the calls (default: as configured, default)')
    .option('--agent <id>', 'agent of the calls (default: as configured, local)')
    .option(
      '--env <name>',
      'pass this environment variable on; repeatable (default: HOME, LOGNAME, PATH, SHELL, TERM and USER alone)',
      (name: string, names: readonly string[] = []) => [...names, name],
    )
    .argument('<command>', 'the program of the MCP server; it is not run by a shell')
    .argument('[args...]', 'its arguments')
    .passThroughOptions()
    .action((command: string, args: readonly string[], options: McpOptions) =>
      mcp(context, command, args, options),
    );
}

async function mcp(
  context: CliContext,
  command: string,
  args: readonly string[],
  { root, tool, tenant, agent, env: names = [] }: McpOptions,
): Promise<void> {
  const env = pickVariables(context, names);
  const { createGovernor } = await import('@cortex-governance/governor');
  const { runMcpProxy } = await import('@cortex-governance/adapter-mcp');
  const governor = await createGovernor({ root: await findRoot(context.cwd, root), name: 'mcp' });
  try {
    const { exitCode } = await runMcpProxy({
      governor,
      command,
      args,
      env,
      ...(tool === undefined ? {} : { tool }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(agent === undefined ? {} : { agent }),
    });
    context.exit = exitCode;
  } finally {
    await governor.close();
  }
}

/** The named variables of this process. One that is not set is a mistake: the server would miss it later. */
function pickVariables(context: CliContext, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = Object.hasOwn(context.env, name) ? context.env[name] : undefined;
    if (value === undefined) throw usageError(`--env: the environment has no variable ${name}`);
    picked[name] = value;
  }
  return picked;
}
