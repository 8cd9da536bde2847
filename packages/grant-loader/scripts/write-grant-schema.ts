import { join } from 'node:path';
import { replaceFileDurably } from '@cortex-governance/core';
import { grantJsonSchema } from '../src/index.ts';

/* Writes `.cortex/schemas/policy.tools.schema.json`. Run by `npx nx schema grant-loader`; a test compares the two. */

const root = join(import.meta.dirname, '..', '..', '..');
const file = join(root, '.cortex', 'schemas', 'policy.tools.schema.json');
await replaceFileDurably(file, `${JSON.stringify(grantJsonSchema(), null, 2)}\n`);
