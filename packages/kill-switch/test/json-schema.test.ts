import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { killSwitchJsonSchema } from '../src/index.ts';

describe('killSwitchJsonSchema', () => {
  it('equals the committed file', async () => {
    const schemas = join(import.meta.dirname, '..', '..', '..', '.cortex', 'schemas');
    const committed = await readFile(join(schemas, 'kill-switch.schema.json'), 'utf8');
    expect(JSON.parse(committed)).toEqual(killSwitchJsonSchema());
  });

  it('is closed, and needs every member', () => {
    expect(killSwitchJsonSchema()).toMatchObject({
      additionalProperties: false,
      required: ['version', 'revision', 'entries', 'history'],
      properties: { version: { const: 1 }, history: { maxItems: 100 } },
    });
  });
});
