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
      return this.#findProblem(walk, given);
    };
  }

  #findProblem(walk: ArgumentWalk, args: Holder): ArgumentProblem | null {
    for (const name of this.#required) {
      if (!Object.hasOwn(args, name) || args[name] === undefined)
        return namedProblem('ARGUMENT_MISSING', name);
    }
    // Not Object.keys: this is the hot path, and an array for each call is garbage for each call.
    for (const name in args) {
      const value = args[name];
      if (value === undefined) continue;
      const problem =
        this.#rules === null
          ? problemOf(walk.undeclared(args, name, isPathName(name), 1))
          : this.#judge(walk, this.#rules.get(name), args, name, value);
      if (problem !== null) return problem;
    }
    return null;
  }

  #judge(
    walk: ArgumentWalk,
    rule: ArgumentRule | undefined,
    args: Holder,
    name: string,
    value: unknown,
  ): ArgumentProblem | null {
    if (rule === undefined) return namedProblem('ARGUMENT_UNKNOWN', name);
    if (typeof value !== 'string') return problemOf(walk.declared(rule, args, name, 1));
    const code = walk.declaredString(rule, value, args, name);
    return code === null ? null : { code, argument: rule.shown };
  }
}

/** A problem with the arguments as a whole. */
export function wholeProblem(code: DenialCode): ArgumentProblem {
  return { code, argument: '' };
}

function namedProblem(code: DenialCode, name: string): ArgumentProblem {
  return { code, argument: showText(name) };
}

function problemOf(found: ArgumentFault | null): ArgumentProblem | null {
  if (found === null) return null;
  const place = found.trail.toReversed();
  const shown = place.length === 1 ? String(place[0]) : pointer(place);
  return { code: found.code, argument: showText(shown) };
}

/** JSON Pointer, RFC 6901. */
function pointer(place: readonly (string | number)[]): string {
  return place.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
