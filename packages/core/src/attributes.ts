/** JSON-shaped properties of an entity, an action or a context (AuthZEN 1.0 `properties`). */
export type Attributes = Readonly<Record<string, unknown>>;

/** Deepest nesting of arrays and objects accepted in a request. */
export const MAX_ATTRIBUTE_DEPTH = 32;

/** Most values (members and elements, at every depth) accepted in one `properties` or `context` object. */
export const MAX_ATTRIBUTE_VALUES = 10_000;

/** Longest member name accepted, in UTF-16 code units. */
export const MAX_ATTRIBUTE_NAME_LENGTH = 256;

/** Longest single string value accepted, in UTF-16 code units (16 Mi). */
export const MAX_ATTRIBUTE_STRING_LENGTH = 16_777_216;

/** True for `{}`-like objects: those made by a literal, `JSON.parse` or `Object.create(null)`. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Says why a value is not JSON that survives a round trip unchanged, or null when it is.
 *
 * Refused: functions, symbols, bigints, class instances, cycles and over-deep nesting, NaN and
 * infinities, lone surrogates (RFC 8785 section 3.2.2.2), integers beyond 2^53 - 1 (they change
 * silently in `JSON.parse`), and a member named `__proto__`. A member whose value is `undefined`
 * counts as absent, as it does in JSON.
 */
export function findAttributeProblem(value: unknown): string | null {
  // A getter among the members may start a check of its own.
  const outer = values;
  values = 0;
  const problem = objectProblem(value, 0);
  values = outer;
  return problem;
}

/**
 * A deep copy that shares nothing with the original: what was decided on stays what is run and recorded,
 * whatever the caller does to its own object. Members whose value is `undefined` are left out.
 * Only for values in which {@link findAttributeProblem} found none.
 */
export function copyAttributes(attributes: Attributes): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) copy[name] = copyValue(value);
  }
  return copy;
}

function copyValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyValue);
  return copyAttributes(value as Attributes);
}

/** Module state instead of an object for each check, which is on the request path. */
let values = 0;

function objectProblem(value: unknown, depth: number): string | null {
  if (!isPlainObject(value)) return 'not a plain object';
  if (depth >= MAX_ATTRIBUTE_DEPTH) return `nested deeper than ${MAX_ATTRIBUTE_DEPTH}`;
  for (const name in value) {
    const problem = memberProblem(name, value[name], depth);
    if (problem !== null) return problem;
  }
  return null;
}

function memberProblem(name: string, value: unknown, depth: number): string | null {
  if (name.length > MAX_ATTRIBUTE_NAME_LENGTH) {
    return `member name longer than ${MAX_ATTRIBUTE_NAME_LENGTH} characters`;
  }
  if (name === '__proto__') return 'member named __proto__';
  if (!name.isWellFormed()) return 'member name with a lone surrogate';
  return value === undefined ? null : valueProblem(value, depth);
}

function valueProblem(value: unknown, depth: number): string | null {
  values += 1;
  if (values > MAX_ATTRIBUTE_VALUES) return `more than ${MAX_ATTRIBUTE_VALUES} values`;
  switch (typeof value) {
    case 'string':
      return stringProblem(value);
    case 'number':
      return numberProblem(value);
    case 'boolean':
      return null;
    case 'object':
      if (value === null) return null;
      return Array.isArray(value)
        ? arrayProblem(value, depth + 1)
        : objectProblem(value, depth + 1);
    default:
      return `${typeof value} value`;
  }
}

function arrayProblem(array: readonly unknown[], depth: number): string | null {
  if (depth >= MAX_ATTRIBUTE_DEPTH) return `nested deeper than ${MAX_ATTRIBUTE_DEPTH}`;
  for (let i = 0; i < array.length; i += 1) {
    const problem = valueProblem(array[i], depth);
    if (problem !== null) return problem;
  }
  return null;
}

function stringProblem(value: string): string | null {
  if (value.length > MAX_ATTRIBUTE_STRING_LENGTH) {
    return `string longer than ${MAX_ATTRIBUTE_STRING_LENGTH} characters`;
  }
  return value.isWellFormed() ? null : 'string with a lone surrogate';
}

function numberProblem(value: number): string | null {
  if (!Number.isFinite(value)) return 'number that is not finite';
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return 'integer beyond 2^53 - 1';
  return null;
}
