import { MAX_ATTRIBUTE_VALUES, MAX_CANONICAL_DEPTH } from '@cortex-governance/core';

/** Estimated bytes of an object, an array or a member beside its text. */
const CONTAINER_BYTES = 48;
const VALUE_BYTES = 16;

/** Stands for properties that could not be copied: too deep, too many, or reading them threw. */
export const UNCOPYABLE: unique symbol = Symbol('uncopyable');

/** A private copy of JSON-shaped properties, null when there were none. */
export type PropertiesCopy = Readonly<Record<string, unknown>> | null | typeof UNCOPYABLE;

// Module state instead of an object for each decision: copying is synchronous and calls nobody back,
// except for getters, which can at worst spoil an estimate.
let bytes = 0;
let values = 0;

/** Begins to count anew. */
export function startSnapshot(): void {
  bytes = 0;
}

/** Estimated bytes of everything copied since {@link startSnapshot}. */
export function snapshotBytes(): number {
  return bytes;
}

/**
 * A copy of JSON-shaped properties, so that what the caller does to the originals later changes
 * nothing. Never throws.
 */
export function snapshotOf(properties: unknown): PropertiesCopy {
  if (properties === undefined || properties === null) return null;
  values = 0;
  try {
    return copyValue(properties, 0) as Readonly<Record<string, unknown>>;
  } catch {
    return UNCOPYABLE;
  }
}

function copyValue(value: unknown, depth: number): unknown {
  values += 1;
  if (values > MAX_ATTRIBUTE_VALUES) throw new RangeError('too many values');
  if (typeof value === 'string') {
    bytes += VALUE_BYTES + value.length;
    return value;
  }
  if (typeof value !== 'object' || value === null) {
    bytes += VALUE_BYTES;
    return value;
  }
  if (depth >= MAX_CANONICAL_DEPTH) throw new RangeError('too deep');
  bytes += CONTAINER_BYTES;
  return Array.isArray(value) ? copyArray(value, depth) : copyObject(value, depth);
}

function copyArray(array: readonly unknown[], depth: number): unknown[] {
  if (array.length > MAX_ATTRIBUTE_VALUES) throw new RangeError('too many values');
  const copy: unknown[] = [];
  for (let i = 0; i < array.length; i += 1) copy.push(copyValue(array[i], depth + 1));
  return copy;
}

function copyObject(object: object, depth: number): Record<string, unknown> {
  // The spread reads every member once, and copies a whole shape at a time.
  const copy: Record<string, unknown> = { ...object };
  for (const name in copy) {
    if (name === '__proto__') throw new TypeError('member named __proto__');
    bytes += VALUE_BYTES + name.length;
    const value = copy[name];
    const inner = copyValue(value, depth + 1);
    if (inner !== value) copy[name] = inner;
  }
  return copy;
}
