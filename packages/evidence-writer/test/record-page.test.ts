import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EVIDENCE_RECORD_FIELDS, EVIDENCE_RECORD_VERSION, MAX_RECORD_BYTES } from '../src/index.ts';

/** The page with its tables' padding taken out. */
const page = readFileSync(
  join(import.meta.dirname, '../../../docs/reference/evidence-record.md'),
  'utf8',
).replace(/ +/g, ' ');

/** Members by kind, as the page's tables have them. */
function documentedFields(): Record<string, string[]> {
  const fields: Record<string, string[]> = {};
  for (const section of page.split('\n## ').slice(1)) {
    const kind = section.slice(0, section.indexOf('\n'));
    fields[kind] = [...section.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]!);
  }
  return fields;
}

describe('docs/reference/evidence-record.md', () => {
  it('names exactly the members that records have, by kind', () => {
    expect(documentedFields()).toEqual(EVIDENCE_RECORD_FIELDS);
  });

  it('names the version and the longest record', () => {
    const versions = [...page.matchAll(/^\| `v` \| `(\d+)` \|/gm)].map((match) => Number(match[1]));
    expect(versions).toEqual([1, 1, 1].map(() => EVIDENCE_RECORD_VERSION));
    expect(page).toContain(`at most ${MAX_RECORD_BYTES.toLocaleString('en-US')} bytes`);
  });
});
