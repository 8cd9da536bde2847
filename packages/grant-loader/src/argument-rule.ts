import type { ArgumentFormat, ArgumentSpec, ArgumentType } from './argument-spec.ts';
import { isPathName } from './path-name.ts';
import { showText } from './shown-text.ts';

/**
 * What the strings inside an argument are judged as: a declared format, or
 * `plain` (declared, without a format: a URL is judged, everything else passes), or
 * `open` (nothing is declared about the inside: judged by name and look).
 */
export type ArgumentRole = ArgumentFormat | 'plain' | 'open';

/** A declared argument, compiled. */
export interface ArgumentRule {
  readonly type: ArgumentType;
  readonly role: ArgumentRole;
  readonly required: boolean;
  readonly enum: ReadonlySet<unknown> | null;
  readonly maxLength: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly items: ArgumentRule | null;
  /** The argument's name, safe to show. */
  readonly shown: string;
}

/** @param name the argument's name, which makes it a path when no format and no enum is declared. */
export function compileArgumentRule(name: string, spec: ArgumentSpec): ArgumentRule {
  return compile(spec, spec.format, isPathName(name), showText(name));
}

function compile(
  spec: ArgumentSpec,
  format: ArgumentFormat | undefined,
  isPath: boolean,
  shown: string,
): ArgumentRule {
  const items = spec.items;
  return {
    type: spec.type,
    role: roleOf(spec, format, isPath),
    required: spec.required ?? false,
    enum: spec.enum === undefined ? null : new Set(spec.enum),
    maxLength: spec.maxLength ?? Number.POSITIVE_INFINITY,
    minimum: spec.minimum ?? Number.NEGATIVE_INFINITY,
    maximum: spec.maximum ?? Number.POSITIVE_INFINITY,
    items: items === undefined ? null : compile(items, items.format ?? format, isPath, shown),
    shown,
  };
}

function roleOf(
  spec: ArgumentSpec,
  format: ArgumentFormat | undefined,
  isPath: boolean,
): ArgumentRole {
  if (format !== undefined) return format;
  if (spec.type === 'object' || spec.type === 'array') return 'open';
  // The author listed every value that is accepted.
  if (spec.enum !== undefined) return 'text';
  return isPath ? 'path' : 'plain';
}

/** Whether a value is of the rule's type and within its bounds. Elements and members are not looked at. */
export function matchesRule(rule: ArgumentRule, value: unknown): boolean {
  switch (rule.type) {
    case 'string':
      return typeof value === 'string' && hasLength(value, rule.maxLength) && inEnum(rule, value);
    case 'number':
      return Number.isFinite(value) && inRange(rule, value as number) && inEnum(rule, value);
    case 'integer':
      return Number.isSafeInteger(value) && inRange(rule, value as number) && inEnum(rule, value);
    case 'boolean':
      return typeof value === 'boolean' && inEnum(rule, value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
  }
}

function inRange(rule: ArgumentRule, value: number): boolean {
  return value >= rule.minimum && value <= rule.maximum;
}

function inEnum(rule: ArgumentRule, value: unknown): boolean {
  return rule.enum === null || rule.enum.has(value);
}

/** Whether a string has at most this many code points (JSON Schema's `maxLength`). */
function hasLength(value: string, most: number): boolean {
  if (value.length <= most) return true;
  // A code point takes at most two units, so a longer string need not be counted.
  if (value.length > 2 * most) return false;
  let points = 0;
  for (const _ of value) points += 1;
  return points <= most;
}
