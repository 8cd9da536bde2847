import { z } from 'zod';
import { Grant } from './grant.ts';

/**
 * The JSON Schema (draft 2020-12) of a grant file, for editors and other languages. It says all that
 * JSON Schema can; `Grant` also refuses malformed hosts and scope entries and rules without an action.
 */
export function grantJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(Grant, { target: 'draft-2020-12', io: 'input' });
  return schema as Record<string, unknown>;
}
