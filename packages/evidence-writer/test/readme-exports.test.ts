import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  exportEvidence,
  fileSigningKey,
  openLogProver,
  proveRecord,
  verifyEvidenceExport,
  verifyTlogProof,
} from '../src/index.ts';
import { allowed, call, openWriter, temporaryFolder } from './support.ts';

it('the README has an example of proofs and exports that works', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const [, section = ''] = readme.split('\n## Proofs and exports\n');
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(section) ?? [];
  const dir = await temporaryFolder();
  const writer = await openWriter({ dir });
  for (let i = 0; i < 2; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.close();
  const body = example
    .replace(/^import [\s\S]*?;$/gm, '')
    .replaceAll('artifacts/governance/evidence', dir);
  const names = {
    exportEvidence,
    fileSigningKey,
    openLogProver,
    proveRecord,
    readFile,
    verifyEvidenceExport,
    verifyTlogProof,
  };
  const lines: unknown[][] = [];
  const console = { log: (...values: unknown[]) => void lines.push(values) };
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  await AsyncFunction(...Object.keys(names), 'console', body)(...Object.values(names), console);
  expect(lines).toEqual([[true], [2, true], [1]]);
});
