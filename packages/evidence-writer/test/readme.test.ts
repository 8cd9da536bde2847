import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVerdict, toolCall, VerdictIdSource } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import * as surface from '../src/index.ts';
import { createEvidenceWriter, verifyEvidence } from '../src/index.ts';
import { temporaryFolder } from './support.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

/** The README with its tables' padding taken out. */
const tables = readme.replace(/ +/g, ' ');

describe('the README', () => {
  it('has an example that works', async () => {
    const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    const dir = await temporaryFolder();
    const body = example
      .replace(/^import .*$/gm, '')
      .replace("'artifacts/governance/evidence'", JSON.stringify(dir));
    const names = {
      createVerdict,
      toolCall,
      VerdictIdSource,
      createEvidenceWriter,
      verifyEvidence,
    };
    const lines: unknown[][] = [];
    const console = { log: (...values: unknown[]) => void lines.push(values) };
    const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
    await AsyncFunction(...Object.keys(names), 'console', body)(...Object.values(names), console);
    expect(lines).toEqual([[true, 1]]);
  });

  it('has the defaults that the code has', () => {
    const { DEFAULT_LOG_NAME, DEFAULT_ORIGIN_PREFIX, ...numbers } = Object.fromEntries(
      Object.entries(surface).filter(([name]) => name.startsWith('DEFAULT_')),
    );
    expect(tables).toContain(`| \`name\` | \`${String(DEFAULT_LOG_NAME)}\` |`);
    expect(tables).toContain(`| \`originPrefix\` | \`${String(DEFAULT_ORIGIN_PREFIX)}\` |`);
    for (const [name, value] of Object.entries(numbers)) {
      const option = name
        .replace(/^DEFAULT_(WITNESS_)?/, '')
        .toLowerCase()
        .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      expect(tables).toContain(`| \`${option}\` | ${Number(value).toLocaleString('en-US')} |`);
    }
  });
});
