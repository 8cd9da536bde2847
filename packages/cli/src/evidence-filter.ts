import { EFFECTS, type Effect, isReasonCode } from '@cortex-governance/core';
import type { EvidenceRecord } from '@cortex-governance/evidence-writer';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseSince } from './since.ts';

/** Which records a command is about: those that fit every member given. */
export interface EvidenceFilter {
  readonly code?: string;
  readonly effect?: Effect;
  readonly tenant?: string;
  readonly tool?: string;
  readonly subject?: string;
  readonly session?: string;
  /** Milliseconds since the Unix epoch. */
  readonly since?: number;
  /** Milliseconds since the Unix epoch; this moment is no longer part of it. */
  readonly until?: number;
}

/** Gives a command the options of an {@link EvidenceFilter}. */
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
      'from this time on: ISO 8601, or an age such as 15m, 2h, 7d',
      parseTimeOption,
    )
    .option('--until <time>', 'before this time', parseTimeOption);
}

/** Whether a record fits. One without a time fits every time: a filter must not hide what cannot be placed. */
export function matchesFilter(record: EvidenceRecord, filter: EvidenceFilter): boolean {
  if (!isInTime(record, filter)) return false;
  const { code, effect, tenant, tool, subject, session } = filter;
  const isAboutDecisions = [code, effect, tenant, tool, subject, session].some(
    (part) => part !== undefined,
  );
  if (!isAboutDecisions) return true;
  return (
    record.kind === 'decision' &&
    fits(code, record.code) &&
    fits(effect, record.effect) &&
    fits(tenant, record.tenant) &&
    fits(tool, record.resource.id) &&
    fits(subject, record.subject.id) &&
    fits(session, record.session)
  );
}

function isInTime(record: EvidenceRecord, { since, until }: EvidenceFilter): boolean {
  if (record.ts === null) return true;
  const ms = Date.parse(record.ts);
  return (since === undefined || ms >= since) && (until === undefined || ms < until);
}

function fits(wanted: string | undefined, found: string | null | undefined): boolean {
  return wanted === undefined || wanted === found;
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
