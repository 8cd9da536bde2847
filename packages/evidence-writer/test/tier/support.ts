import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Attributes,
  createVerdict,
  toolCall,
  type VerdictCode,
  VerdictIdSource,
} from '@cortex-governance/core';
import fc from 'fast-check';
import { encodeBundle } from '../../src/entry-bundle.ts';
import type { EvidenceLog } from '../../src/index.ts';
import type { SqlClient } from '../../src/warm.ts';
import { openWriter, unsyncedFiles } from '../support.ts';

/** A decision to be logged. */
export interface Made {
  readonly tenant: string;
  readonly code: VerdictCode;
  readonly tool: string;
  readonly subject: string;
  readonly session: string | null;
  /** Null: with an id that says no time. */
  readonly ms: number | null;
}

/** Texts that databases and file names stumble over, and some that look alike when they are cut. */
export const text: fc.Arbitrary<string> = fc.constantFrom(
  ...[
    'acme',
    'Acme',
    'a',
    '',
    "'; DROP TABLE evidence_records; --",
    '%',
    '\\',
    '\\0',
    '日本',
    '😀',
  ],
  ...[
    'nul\0',
    'nul\uFFFD',
    `${'x'.repeat(255)}\u{1F600}`.slice(0, 256),
    'x'.repeat(255),
    '__proto__',
  ],
);

const name = text.filter((one) => one !== '' && one.isWellFormed());

export const madeDecision = (ms: fc.Arbitrary<number>): fc.Arbitrary<Made> =>
  fc.record({
    tenant: name,
    code: fc.constantFrom<VerdictCode>(
      'ALLOWED',
      'ACTION_NOT_ALLOWED',
      'RATE_LIMITED',
      'POLICY_DENIED',
    ),
    tool: name,
    subject: name,
    session: fc.option(name),
    ms: fc.option(ms, { freq: 10 }),
  });

let unknown = 0;

/** Appends a decision; refuses to drop one in silence. */
export function append(writer: EvidenceLog, made: Made): void {
  const context: Attributes = made.session === null ? {} : { session: made.session };
  const request = {
    ...toolCall({ tenant: made.tenant, agent: made.subject, tool: made.tool, action: 'search' }),
    context,
  };
  const id = made.ms === null ? `no-time-${unknown++}` : new VerdictIdSource().next(made.ms);
  if (writer.appendDecision(request, createVerdict(id, made.code, 'policy', 'a'.repeat(64))) < 0) {
    throw new Error('dropped');
  }
}

/** A log of some decisions, whole and closed; resolves with its folder. */
export async function writeLog(
  dir: string,
  decisions: readonly Made[],
  name = 'default',
): Promise<string> {
  const writer = await openWriter({ dir, name, files: unsyncedFiles });
  for (const made of decisions) append(writer, made);
  await writer.close();
  return writer.status().dir;
}

/** Simple decisions, a minute apart, the last one now. */
export function plain(count: number, nowMs = Date.now()): Made[] {
  return Array.from({ length: count }, (_, i) => ({
    tenant: `tenant-${i % 3}`,
    code: i % 5 === 0 ? 'ACTION_NOT_ALLOWED' : 'ALLOWED',
    tool: 'git-map',
    subject: 'agent-1',
    session: i % 2 === 0 ? 'session-1' : null,
    ms: nowMs - (count - i),
  }));
}

/** Announces an erasure in a log, as the one who erases does. */
export function announceErasure(
  writer: EvidenceLog,
  ranges: readonly (readonly [number, number])[],
): void {
  const properties = {
    ranges: ranges.map((range) => [...range]),
    reason: 'test',
    by: 'test',
    ticket: '1',
  };
  writer.appendEvent({ type: 'records_erased', properties });
}

/** Empties entries of a full bundle on disk. */
export async function eraseOnDisk(
  folder: string,
  index: number,
  records: readonly Uint8Array[],
): Promise<void> {
  const path = join(folder, 'tile', 'entries', String(index).padStart(3, '0'));
  await writeFile(path, encodeBundle(records));
}

/** A client that can be made to fail, and counts what it was asked. */
export class FaultyClient implements SqlClient {
  readonly #inner: SqlClient;
  fault: (() => Promise<never>) | null = null;
  asked = 0;

  constructor(inner: SqlClient) {
    this.#inner = inner;
  }

  query(sql: string, values?: readonly (string | number | null)[]): ReturnType<SqlClient['query']> {
    this.asked += 1;
    return this.fault === null ? this.#inner.query(sql, values) : this.fault();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
