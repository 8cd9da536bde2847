import { z } from 'zod';
import { killSwitchFileSchema } from './kill-switch-file.ts';

/** JSON Schema (draft 2020-12) of `kill-switch.json`, made from the schema that reads the file. */
export function killSwitchJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(killSwitchFileSchema, { io: 'input' });
  return {
    $schema,
    title: 'Kill switch',
    description: 'The stops in force, and the last changes with who, why and when.',
    ...schema,
  };
}
