import { MAX_ATTRIBUTE_NAME_LENGTH, MAX_ATTRIBUTE_STRING_LENGTH } from '@cortex-governance/core';
import { z } from 'zod';

export const ARGUMENT_TYPES = [
  'string',
  'number',
  'integer',
  'boolean',
  'object',
  'array',
] as const;
export type ArgumentType = (typeof ARGUMENT_TYPES)[number];

/**
 * What the strings of an argument mean.
 *
 * - `path`: a file or folder; must lie within `fsScope`.
 * - `uri`: an absolute http, https, ws, wss or ftp URL; its host must be in `egress.hosts`.
 * - `glob`: a pattern below a folder that another argument names; may not climb out of it.
 * - `text`: neither; nothing inside is looked at.
 */
export const ARGUMENT_FORMATS = ['path', 'uri', 'text', 'glob'] as const;
export type ArgumentFormat = (typeof ARGUMENT_FORMATS)[number];

/** One declared argument. */
export interface ArgumentSpec {
  type: ArgumentType;
  format?: ArgumentFormat | undefined;
  /** The only values that are accepted. */
  enum?: (string | number | boolean)[] | undefined;
  /** Most Unicode code points in a string. */
  maxLength?: number | undefined;
  /** Smallest number. */
  minimum?: number | undefined;
  /** Largest number. */
  maximum?: number | undefined;
  /** What each element of an array must be. */
  items?: ArgumentSpec | undefined;
  /** Whether a call without it is denied. Default false. */
  required?: boolean | undefined;
  description?: string | undefined;
}

/** Most values in an `enum`. */
const MAX_ENUM_VALUES = 1000;

const argumentSpecShape = z.strictObject({
  type: z.enum(ARGUMENT_TYPES),
  format: z.enum(ARGUMENT_FORMATS).optional(),
  enum: z
    .array(z.union([z.string(), z.number(), z.boolean()]))
    .min(1)
    .max(MAX_ENUM_VALUES)
    .optional(),
  maxLength: z.int().min(0).max(MAX_ATTRIBUTE_STRING_LENGTH).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  items: z.lazy((): z.ZodType<ArgumentSpec> => ArgumentSpec).optional(),
  required: z.boolean().optional(),
  description: z.string().optional(),
});

export const ArgumentSpec: z.ZodType<ArgumentSpec> = argumentSpecShape
  .superRefine((spec, context) => {
    for (const [member, problem] of contradictions(spec)) {
      context.addIssue({ code: 'custom', path: [member], message: problem });
    }
  })
  .meta({ id: 'ArgumentSpec', description: 'One argument of the tool.' });

/** The name of an argument. */
export const ArgumentName = z.string().min(1).max(MAX_ATTRIBUTE_NAME_LENGTH);

function* contradictions(spec: ArgumentSpec): Generator<[keyof ArgumentSpec, string]> {
  const { type } = spec;
  const isNumber = type === 'number' || type === 'integer';
  if (spec.format !== undefined && (isNumber || type === 'boolean')) {
    yield ['format', `has no meaning for type ${type}`];
  }
  if (spec.maxLength !== undefined && type !== 'string')
    yield ['maxLength', `has no meaning for type ${type}`];
  if (spec.minimum !== undefined && !isNumber) yield ['minimum', `has no meaning for type ${type}`];
  if (spec.maximum !== undefined && !isNumber) yield ['maximum', `has no meaning for type ${type}`];
  if ((spec.minimum ?? -Infinity) > (spec.maximum ?? Infinity))
    yield ['minimum', 'is above maximum'];
  if (spec.items !== undefined && type !== 'array')
    yield ['items', `has no meaning for type ${type}`];
  if (spec.items?.required !== undefined) yield ['items', 'elements have no "required"'];
  if (spec.enum?.some((value) => !isOfType(value, type)))
    yield ['enum', `has a value that is not a ${type}`];
}

function isOfType(value: string | number | boolean, type: ArgumentType): boolean {
  return type === 'integer' ? Number.isSafeInteger(value) : typeof value === type;
}
