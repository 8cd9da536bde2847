import {
  type DenialCode,
  isPlainObject,
  MAX_ATTRIBUTE_DEPTH,
  MAX_ATTRIBUTE_VALUES,
} from '@cortex-governance/core';
import { type ArgumentRule, matchesRule } from './argument-rule.ts';
import { type EgressScope, isUrlText, withoutTabsAndNewlines } from './egress-scope.ts';
import { isContainedGlob } from './glob-text.ts';
import { isPathName } from './path-name.ts';

/** Why arguments are refused, and where: member names and indexes, the innermost first. */
export interface ArgumentFault {
  readonly code: DenialCode;
  readonly trail: (string | number)[];
}

/** Where a value sits, so that a path can be replaced by the real one. */
export type Holder = Record<string | number, unknown>;

/** Judges one path. */
export type PathVisitor = (path: string, holder: Holder, key: string | number) => DenialCode | null;

/**
 * Whether a string looks like a path: it has a separator, leads to a home folder or a drive, or is
 * `.` or `..`. Judged only where nothing is declared; a name in the working folder looks like any word.
 */
export function looksLikePath(text: string): boolean {
  if (text.includes('/') || text.includes('\\')) return true;
  if (!text.includes('.') && !text.includes(':') && !text.includes('~')) return false;
  return /^[\0-\x20\s]*(?:~|\.\.?\s*$|[A-Za-z]:|file:)/i.test(withoutTabsAndNewlines(text));
}

/** Walks the values of one call's arguments and judges each string by what it means. */
export class ArgumentWalk {
  readonly #egress: EgressScope;
  readonly #visitPath: PathVisitor;
  #values = 0;

  constructor(egress: EgressScope, visitPath: PathVisitor) {
    this.#egress = egress;
    this.#visitPath = visitPath;
  }

  /** To be called before each call's arguments. */
  start(): void {
    this.#values = 0;
  }

  /** Judges a string that is declared. Only the code: the caller knows the place. */
  declaredString(
    rule: ArgumentRule,
    text: string,
    holder: Holder,
    key: string | number,
  ): DenialCode | null {
    return matchesRule(rule, text) ? this.#judge(rule.role, text, holder, key) : 'ARGUMENT_INVALID';
  }

  /** Judges a value that is declared. */
  declared(
    rule: ArgumentRule,
    holder: Holder,
    key: string | number,
    depth: number,
  ): ArgumentFault | null {
    const value = holder[key];
    if (!matchesRule(rule, value)) return fault('ARGUMENT_INVALID', key);
    if (typeof value === 'string') return this.#string(rule.role, value, holder, key);
    if (typeof value !== 'object' || value === null) return null;
    if (rule.items === null) return this.#inside(rule.role, value, key, depth);
    return this.#elements(value as unknown[], key, depth, (elements, i) =>
      this.declared(rule.items as ArgumentRule, elements, i, depth + 1),
    );
  }

  /** Judges a value about which nothing is declared: by its name and its look. */
  undeclared(
    holder: Holder,
    key: string | number,
    isPath: boolean,
    depth: number,
  ): ArgumentFault | null {
    const value = holder[key];
    if (typeof value === 'string') {
      if (isPath) return this.#string('path', value, holder, key);
      if (isUrlText(value)) return this.#string('uri', value, holder, key);
      return looksLikePath(value) ? this.#string('path', value, holder, key) : null;
    }
    if (typeof value !== 'object' || value === null)
      return isScalar(value) ? null : fault('ARGUMENT_INVALID', key);
    if (Array.isArray(value)) {
      return this.#elements(value, key, depth, (elements, i) =>
        this.undeclared(elements, i, isPath, depth + 1),
      );
    }
    return this.#members(value, key, depth, (members, name) =>
      // A path hidden in a member's name could be checked, but not replaced by the real one.
      looksLikePath(name) || isUrlText(name)
        ? fault('PATH_INVALID', name)
        : this.undeclared(members, name, isPathName(name), depth + 1),
    );
  }

  /** Judges what is inside an object, or an array whose elements are not declared. */
  #inside(
    role: ArgumentRule['role'],
    value: object,
    key: string | number,
    depth: number,
  ): ArgumentFault | null {
    if (role === 'text') return null;
    if (role === 'open')
      return this.undeclared({ [key]: value }, key, isPathName(String(key)), depth);
    return this.#everyString(role, value, key, depth);
  }

  /** Judges every string inside, at any depth, as the one format that is declared. */
  #everyString(
    role: ArgumentRule['role'],
    value: object,
    key: string | number,
    depth: number,
  ): ArgumentFault | null {
    const visit = (holder: Holder, inner: string | number): ArgumentFault | null => {
      const member = holder[inner];
      if (typeof member === 'string') return this.#string(role, member, holder, inner);
      if (typeof member !== 'object' || member === null) return null;
      return this.#everyString(role, member, inner, depth + 1);
    };
    return Array.isArray(value)
      ? this.#elements(value, key, depth, visit)
      : this.#members(value, key, depth, visit);
  }

  #elements(
    values: unknown[],
    key: string | number,
    depth: number,
    visit: (holder: Holder, index: number) => ArgumentFault | null,
  ): ArgumentFault | null {
    if (depth >= MAX_ATTRIBUTE_DEPTH) return fault('ARGUMENT_INVALID', key);
    for (let i = 0; i < values.length; i += 1) {
      if (this.#isTooMany()) return fault('ARGUMENT_INVALID', key);
      const found = visit(values as unknown as Holder, i);
      if (found !== null) return below(found, key);
    }
    return null;
  }

  #members(
    value: object,
    key: string | number,
    depth: number,
    visit: (holder: Holder, name: string) => ArgumentFault | null,
  ): ArgumentFault | null {
    if (depth >= MAX_ATTRIBUTE_DEPTH || !isPlainObject(value))
      return fault('ARGUMENT_INVALID', key);
    for (const name of Object.keys(value)) {
      if (this.#isTooMany()) return fault('ARGUMENT_INVALID', key);
      const found = visit(value, name);
      if (found !== null) return below(found, key);
    }
    return null;
  }

  #string(
    role: ArgumentRule['role'],
    text: string,
    holder: Holder,
    key: string | number,
  ): ArgumentFault | null {
    const code = this.#judge(role, text, holder, key);
    return code === null ? null : fault(code, key);
  }

  #judge(
    role: ArgumentRule['role'],
    text: string,
    holder: Holder,
    key: string | number,
  ): DenialCode | null {
    switch (role) {
      case 'path':
        return this.#visitPath(text, holder, key);
      case 'uri':
        return this.#egress.check(text);
      case 'glob':
        return isContainedGlob(text) ? null : 'PATH_INVALID';
      case 'plain':
        return this.#egress.declared && isUrlText(text) ? this.#egress.check(text) : null;
      default:
        return null;
    }
  }

  #isTooMany(): boolean {
    this.#values += 1;
    return this.#values > MAX_ATTRIBUTE_VALUES;
  }
}

/** Whether JSON has a form for it. A member that is undefined counts as absent. */
function isScalar(value: unknown): boolean {
  return (
    value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean'
  );
}

/** A fault found at this member or element. */
export function fault(code: DenialCode, key: string | number): ArgumentFault {
  return { code, trail: [key] };
}

function below(found: ArgumentFault, key: string | number): ArgumentFault {
  found.trail.push(key);
  return found;
}
