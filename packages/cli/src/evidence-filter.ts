import { EFFECTS, isReasonCode } from '@cortex-governance/core';
import type { RecordFilter } from '@cortex-governance/evidence-writer';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseSince } from './since.ts';

/** Gives a command the options of a {@link RecordFilter}. */
export function withFilterOptions(command: Command): Command {
  return command
    .option('--code <code>', 'decisions with this reason code', parseCode)
    .addOption(new Option('--effect <effect>', 'decisions with this effect').choices(EFFECTS))
    .option('--tenant <id>', 'decisions for this tenant')
    .option('--tool <id>', 'decisions about this tool: the id of the resource')
    .option('--subject <id>', 'decisions for this subject, such as an agent')
    .option('--session <id>', 'decisions of this session')
    .option(
      '--since <time>',
      'from this time on: ISO 8601, or an age such as 15m, 2h, 7d; a record without a time fits neither this nor --until',
      parseTimeOption,
    )
    .option('--until <time>', 'before this time', parseTimeOption);
}

function parseCode(text: string): string {
  if (!isReasonCode(text)) throw new InvalidArgumentError('There is no such code.');
  return text;
}

/** For commander: a time option's milliseconds. */
export function parseTimeOption(text: string): number {
  const ms = parseSince(text, Date.now());
  if (ms === null) throw new InvalidArgumentError('Not an ISO 8601 time, nor an age such as 2h.');
  return ms;
}
