import { join } from 'node:path';
import { replaceFileDurably } from '@cortex-governance/core';
import { killSwitchJsonSchema } from '../src/index.ts';

/* Writes `.cortex/schemas/kill-switch.schema.json`. Run by `npx nx schema kill-switch`; a test compares the two. */

const root = join(import.meta.dirname, '..', '..', '..');
const file = join(root, '.cortex', 'schemas', 'kill-switch.schema.json');
await replaceFileDurably(file, `${JSON.stringify(killSwitchJsonSchema(), null, 2)}\n`);
