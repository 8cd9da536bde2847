import { Command } from 'commander';

/** An example for a command's help and its reference page. */
export interface CommandExample {
  readonly line: string;
  readonly meaning: string;
}

const examples = new WeakMap<Command, readonly CommandExample[]>();

/** A command that does something: with the options that all of them share, and examples in its help. */
export function leafCommand(
  name: string,
  description: string,
  shown: readonly CommandExample[],
): Command {
  const command = new Command(name)
    .description(description)
    .option('--root <folder>', 'the .cortex folder (default: the nearest one, upward from here)')
    .option('--json', 'print the result as JSON')
    .helpOption('-h, --help', 'show help')
    .allowExcessArguments(false);
  examples.set(command, shown);
  const lines = shown.map(({ line, meaning }) => `  $ ${line}\n      ${meaning}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** The examples of a command made by {@link leafCommand}. */
export function commandExamples(command: Command): readonly CommandExample[] {
  return examples.get(command) ?? [];
}
