import { MAX_ATTRIBUTE_DEPTH } from './attributes.ts';

/** Deepest nesting that {@link canonicalJson} accepts. Records wrap attributes, hence the margin. */
export const MAX_CANONICAL_DEPTH = MAX_ATTRIBUTE_DEPTH + 16;

/**
 * The canonical text of a JSON value: JSON Canonicalization Scheme, RFC 8785.
 *
 * Members whose value is `undefined` are left out, as in `JSON.stringify`.
 * @throws {TypeError} for what JCS cannot express: non-finite numbers, lone surrogates, bigints,
 * symbols, functions, `undefined` outside a member, and nesting beyond
 * {@link MAX_CANONICAL_DEPTH} (which includes cycles).
 */
export function canonicalJson(value: unknown): string {
  return serialize(value, 0);
}

function serialize(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return serializeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('number is not finite');
      return Object.is(value, -0) ? '0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : serializeContainer(value, depth + 1);
    default:
      throw new TypeError(`${typeof value} has no JSON form`);
  }
}

function serializeContainer(value: object, depth: number): string {
  if (depth > MAX_CANONICAL_DEPTH) throw new TypeError(`nested deeper than ${MAX_CANONICAL_DEPTH}`);
  if (Array.isArray(value)) {
    return `[${Array.from(value, (element) => serialize(element, depth)).join(',')}]`;
  }
  const members: string[] = [];
  // The default sort compares UTF-16 code units, which is what RFC 8785 section 3.2.3 asks for.
  for (const name of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[name];
    if (member === undefined) continue;
    members.push(`${serializeString(name)}:${serialize(member, depth)}`);
  }
  return `{${members.join(',')}}`;
}

function serializeString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('string with a lone surrogate');
  return JSON.stringify(value);
}
