import type { Effect } from '@cortex-governance/core';
import { type EvidenceRecordVersion, RECORD_FIELDS_BY_VERSION } from '../evidence-record.ts';

/*
 * Nearly every record of a log is a decision in printable ASCII without escapes. Such a one is told by a
 * pattern, ten times faster than it is parsed. Whatever the pattern does not take is parsed: it says what
 * is a record, never what is none.
 */

/** A JSON string of printable ASCII without escapes. */
const TEXT = '"[ !#-\\[\\]-~]*"';
const TEXT_OR_NULL = `(?:null|${TEXT})`;
const NAMED = `\\{"id":${TEXT},"type":${TEXT}\\}`;
const WHOLE_NUMBER = '(?:0|[1-9][0-9]{0,15})';

/** The values of a decision's members, as the writer writes them. */
const SHAPES: Readonly<Record<string, string>> = {
  action: TEXT,
  argsDigest: TEXT_OR_NULL,
  callId: TEXT_OR_NULL,
  code: TEXT,
  contextDigest: TEXT_OR_NULL,
  effect: '"(allow|deny|escalate)"',
  id: TEXT,
  kind: '"decision"',
  obligations: `\\[(?:${TEXT}(?:,${TEXT})*)?\\]`,
  policyHash: TEXT,
  reason: TEXT,
  resource: NAMED,
  resourcePropertiesDigest: TEXT_OR_NULL,
  retryAfterMs: WHOLE_NUMBER,
  seq: `(${WHOLE_NUMBER})`,
  session: TEXT_OR_NULL,
  shadowed: '(?:true|false)',
  stage: TEXT,
  subject: NAMED,
  subjectPropertiesDigest: TEXT_OR_NULL,
  tenant: TEXT,
  trace: TEXT_OR_NULL,
  ts: TEXT_OR_NULL,
};

/** By the version's digit, the last character but one of a record. */
const PATTERNS: ReadonlyMap<string, RegExp> = new Map(
  Object.entries(RECORD_FIELDS_BY_VERSION).flatMap(([version, { decision }]) => {
    const pattern = patternOf(decision, Number(version) as EvidenceRecordVersion);
    return pattern === null ? [] : [[version, pattern] as const];
  }),
);

/** Null when a member is not known here: then all records of that version are parsed. */
function patternOf(fields: readonly string[], version: EvidenceRecordVersion): RegExp | null {
  const members: string[] = [];
  for (const field of fields) {
    const shape = field === 'v' ? String(version) : SHAPES[field];
    if (shape === undefined) return null;
    members.push(`"${field}":${shape}`);
  }
  return new RegExp(`\\{${members.join(',')}\\}`, 'y');
}

/**
 * The effect of the decision that stands in the text from `start` to `end` and has this index; null when
 * it must be parsed to know what it is.
 * @param text the bytes as Latin-1.
 */
export function recogniseDecision(
  text: string,
  start: number,
  end: number,
  index: number,
): Effect | null {
  const pattern = PATTERNS.get(text.charAt(end - 2));
  if (pattern === undefined) return null;
  pattern.lastIndex = start;
  const match = pattern.exec(text);
  if (match === null || pattern.lastIndex !== end || Number(match[2]) !== index) return null;
  return match[1] as Effect;
}
