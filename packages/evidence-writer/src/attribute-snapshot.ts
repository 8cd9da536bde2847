import { MAX_ATTRIBUTE_VALUES, MAX_CANONICAL_DEPTH } from '@cortex-governance/core';

/** Estimated bytes of an object, an array or a member beside its text. */
const CONTAINER_BYTES = 48;
const VALUE_BYTES = 16;

/** Stands for properties that could not be copied: too deep, too many, or reading them threw. */
export const UNCOPYABLE: unique symbol = Symbol('uncopyable');

/** A private copy of JSON-shaped properties, null when there were none. */
export type PropertiesCopy = Readonly<Record<string, unknown>> | null | typeof UNCOPYABLE;

/**
 * Copies JSON-shaped values, so that what the caller does to the originals later changes nothing, and
 * estimates their bytes on the way. Never throws.
 */
export class AttributeSnapshot {
  /** Estimated bytes of everything copied so far. */
  bytes = 0;
  #values = 0;

  copy(properties: unknown): PropertiesCopy {
    if (properties === undefined || properties === null) return null;
    this.#values = 0;
    try {
      return this.#copyValue(properties, 0) as Readonly<Record<string, unknown>>;
    } catch {
      return UNCOPYABLE;
    }
  }

  #copyValue(value: unknown, depth: number): unknown {
    this.#values += 1;
    if (this.#values > MAX_ATTRIBUTE_VALUES) throw new RangeError('too many values');
    if (typeof value === 'string') {
      this.bytes += VALUE_BYTES + value.length;
      return value;
    }
    if (typeof value !== 'object' || value === null) {
      this.bytes += VALUE_BYTES;
      return value;
    }
    if (depth >= MAX_CANONICAL_DEPTH) throw new RangeError('too deep');
    this.bytes += CONTAINER_BYTES;
    return Array.isArray(value) ? this.#copyArray(value, depth) : this.#copyObject(value, depth);
  }

  #copyArray(values: readonly unknown[], depth: number): unknown[] {
    if (values.length > MAX_ATTRIBUTE_VALUES) throw new RangeError('too many values');
    const copy: unknown[] = [];
    for (let i = 0; i < values.length; i += 1) copy.push(this.#copyValue(values[i], depth + 1));
    return copy;
  }

  #copyObject(value: object, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      if (name === '__proto__') throw new TypeError('member named __proto__');
      this.bytes += VALUE_BYTES + name.length;
      copy[name] = this.#copyValue((value as Record<string, unknown>)[name], depth + 1);
    }
    return copy;
  }
}
