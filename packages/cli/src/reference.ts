import type { Command, Option } from 'commander';
import { EXIT_CODES } from './exit-code.ts';
import { commandExamples } from './leaf-command.ts';

/** The reference page of the command line, rendered from the command tree: Markdown. */
export function renderReference(program: Command): string {
  const rows = Object.entries(EXIT_CODES).map(
    ([name, { status, meaning }]) => `| ${status} | \`${name}\` | ${cell(meaning)} |`,
  );
  return [
    '<!-- Generated from the command tree by packages/cli/scripts/write-reference.ts; do not edit. -->',
    '',
    `# \`${program.name()}\``,
    '',
    program.description(),
    '',
    ...leaves(program).flatMap((command) => renderCommand(command)),
    '## Exit status',
    '',
    '| status | name | meaning |',
    '|---|---|---|',
    ...rows,
    '',
    'A failure is one line on stderr: `error [CODE] message`. `GOVERN_DEBUG=1` adds the stack.',
    '',
  ].join('\n');
}

function renderCommand(command: Command): readonly string[] {
  const path = commandPath(command);
  const args = command.registeredArguments.map((argument) => [
    `\`${argument.name()}\``,
    describe(argument.description, argument.argChoices),
  ]);
  const options = command.options.map((option) => [`\`${option.flags}\``, describeOption(option)]);
  return [
    `## \`${path}\``,
    '',
    command.description(),
    '',
    '```sh',
    `${path} ${command.usage()}`,
    '```',
    '',
    '| argument or option | meaning |',
    '|---|---|',
    ...[...args, ...options].map(([name, meaning]) => `| ${name} | ${cell(meaning ?? '')} |`),
    '',
    'Examples:',
    '',
    '```sh',
    ...commandExamples(command).flatMap(({ line, meaning }) => [`# ${meaning}`, line]),
    '```',
    '',
  ];
}

function describeOption(option: Option): string {
  return describe(option.description, option.argChoices) + (option.mandatory ? ' (required)' : '');
}

function describe(description: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? description : `${description}: ${choices.join(', ')}`;
}

function leaves(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

function commandPath(command: Command): string {
  return command.parent === null
    ? command.name()
    : `${commandPath(command.parent)} ${command.name()}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
