import { isPlainObject, MAX_ATTRIBUTE_DEPTH, MAX_ATTRIBUTE_VALUES } from '@cortex-governance/core';
import type { Holder } from './argument-walk.ts';

/**
 * A deep copy of JSON-shaped data, each member read once, so that getters and later changes have no
 * effect on it. Members that are undefined are left out. Null for anything else: class instances,
 * functions, a member named `__proto__`, and data beyond core's limits.
 */
export function copyPlainObject(value: unknown): Holder | null {
  try {
    const copy = new PlainCopy().value(value, 0);
    return isPlainObject(copy) ? copy : null;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

class PlainCopy {
  #values = 0;

  value(value: unknown, depth: number): unknown {
    this.#values += 1;
    if (this.#values > MAX_ATTRIBUTE_VALUES + 1) throw new TypeError('too many values');
    if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
      return value;
    if (value === null) return value;
    if (depth >= MAX_ATTRIBUTE_DEPTH) throw new TypeError('nested too deep');
    if (Array.isArray(value)) return Array.from(value, (element) => this.value(element, depth + 1));
    if (!isPlainObject(value)) throw new TypeError('not plain data');
    return this.#object(value, depth);
  }

  #object(value: Record<string, unknown>, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      if (name === '__proto__') throw new TypeError('member named __proto__');
      const member = value[name];
      if (member !== undefined) copy[name] = this.value(member, depth + 1);
    }
    return copy;
  }
}
