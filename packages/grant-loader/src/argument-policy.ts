import {
  type ArgumentProblem,
  type Attributes,
  type DenialCode,
  isPlainObject,
} from '@cortex-governance/core';
import { type ArgumentRule, compileArgumentRule } from './argument-rule.ts';
import type { ArgumentSpec } from './argument-spec.ts';
import {
  type ArgumentFault,
  ArgumentWalk,
  fault,
  type Holder,
  type PathVisitor,
} from './argument-walk.ts';
import type { EgressScope } from './egress-scope.ts';
import { isPathName } from './path-name.ts';
import { showText } from './shown-text.ts';

const NO_ARGUMENTS: Holder = Object.freeze({});

/** What the arguments of one action must be. */
export class ArgumentPolicy {
  /** Null when nothing is declared: any shape passes, and every string is judged by name and look. */
  readonly #rules: ReadonlyMap<string, ArgumentRule> | null;
  readonly #required: readonly string[];
  readonly #egress: EgressScope;

  /** @param specs the declared arguments; null when none are declared. */
  constructor(specs: Readonly<Record<string, ArgumentSpec>> | null, egress: EgressScope) {
    const rules =
      specs === null
        ? null
        : new Map(
            Object.entries(specs).map(([name, spec]) => [name, compileArgumentRule(name, spec)]),
          );
    this.#rules = rules;
    this.#required = [...(rules ?? [])].filter(([, rule]) => rule.required).map(([name]) => name);
    this.#egress = egress;
  }

  /** Returns the function that judges a call's arguments and shows each path in them to the visitor. */
  checker(visitPath: PathVisitor): (args: Attributes | undefined) => ArgumentProblem | null {
    const walk = new ArgumentWalk(this.#egress, visitPath);
    return (args) => {
      const given = args === undefined ? NO_ARGUMENTS : args;
      if (!isPlainObject(given)) return wholeProblem('ARGUMENT_INVALID');
      walk.start();
      const found = this.#findFault(walk, given);
      return found === null ? null : problemOf(found);
    };
  }

  #findFault(walk: ArgumentWalk, args: Holder): ArgumentFault | null {
    for (const name of this.#required) {
      if (!Object.hasOwn(args, name) || args[name] === undefined)
        return fault('ARGUMENT_MISSING', name);
    }
    // Not Object.keys: this is the hot path, and an array for each call is garbage for each call.
    for (const name in args) {
      if (args[name] === undefined) continue;
      const found = this.#judge(walk, args, name);
      if (found !== null) return found;
    }
    return null;
  }

  #judge(walk: ArgumentWalk, args: Holder, name: string): ArgumentFault | null {
    if (this.#rules === null) {
      return walk.undeclared(args, name, isPathName(name), 1);
    }
    const rule = this.#rules.get(name);
    return rule === undefined
      ? fault('ARGUMENT_UNKNOWN', name)
      : walk.declared(rule, args, name, 1);
  }
}

/** A problem with the arguments as a whole. */
export function wholeProblem(code: DenialCode): ArgumentProblem {
  return { code, argument: '' };
}

function problemOf(found: ArgumentFault): ArgumentProblem {
  const place = found.trail.toReversed();
  const shown = place.length === 1 ? String(place[0]) : pointer(place);
  return { code: found.code, argument: showText(shown) };
}

/** JSON Pointer, RFC 6901. */
function pointer(place: readonly (string | number)[]): string {
  return place.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
