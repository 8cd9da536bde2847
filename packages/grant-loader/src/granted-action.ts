import {
  type ArgumentProblem,
  type Attributes,
  copyAttributes,
  type DenialCode,
  findAttributeProblem,
  type GrantedAction,
  type LimitRule,
  type ResolvedArguments,
} from '@cortex-governance/core';
import { type ArgumentPolicy, wholeProblem } from './argument-policy.ts';
import type { Holder } from './argument-walk.ts';
import type { PathScope } from './path-scope.ts';

const REFUSED_DATA: ResolvedArguments = Object.freeze({
  args: null,
  problem: wholeProblem('ARGUMENT_INVALID'),
});

/** Where a path stands in a copy of the arguments. */
interface PathPlace {
  readonly path: string;
  readonly holder: Holder;
  readonly key: string | number;
}

export interface ActionParts {
  readonly name: string;
  readonly effect: 'read' | 'write';
  readonly approval: boolean;
  readonly limit: LimitRule;
  readonly policy: ArgumentPolicy;
  readonly scope: PathScope;
  /** The checker of this policy and scope. */
  readonly checkArguments: (args: Attributes | undefined) => ArgumentProblem | null;
}

/** One action of a grant, compiled. */
export class ScopedAction implements GrantedAction {
  readonly name: string;
  readonly effect: 'read' | 'write';
  readonly approval: boolean;
  readonly limit: LimitRule;
  /** A property, so that a call is one call and not two. */
  readonly checkArguments: (args: Attributes | undefined) => ArgumentProblem | null;
  readonly #policy: ArgumentPolicy;
  readonly #scope: PathScope;

  constructor(parts: ActionParts) {
    this.name = parts.name;
    this.effect = parts.effect;
    this.approval = parts.approval;
    this.limit = parts.limit;
    this.#policy = parts.policy;
    this.#scope = parts.scope;
    this.checkArguments = parts.checkArguments;
    Object.freeze(this);
  }

  async resolvePaths(args: Attributes | undefined): Promise<ResolvedArguments> {
    try {
      return await this.#resolve(args);
    } catch {
      // A getter or proxy that throws, or a fault of the system: not shown to be in scope.
      return { args: null, problem: wholeProblem('PATH_OUT_OF_SCOPE') };
    }
  }

  async #resolve(args: Attributes | undefined): Promise<ResolvedArguments> {
    const given = args === undefined ? {} : args;
    if (findAttributeProblem(given) !== null) return REFUSED_DATA;
    const copy = copyAttributes(given);
    // A getter may have shown the copy other values, so the copy is judged, and again as a whole.
    if (findAttributeProblem(copy) !== null) return REFUSED_DATA;
    const places: PathPlace[] = [];
    const collect = this.#policy.checker((path, holder, key) => {
      places.push({ path, holder, key });
      return this.#scope.check(path);
    });
    const problem = collect(copy);
    if (problem !== null) return { args: null, problem };
    for (const place of places) {
      const real = await this.#scope.resolve(place.path);
      if (real.path === null)
        return { args: null, problem: this.#problemAt(copy, place, real.code) };
      place.holder[place.key] = real.path;
    }
    return { args: copy, problem: null };
  }

  /** Walks once more to where the path stands, for its JSON Pointer; only refusals pay for it. */
  #problemAt(args: Holder, place: PathPlace, code: DenialCode): ArgumentProblem {
    const locate = this.#policy.checker((_path, holder, key) =>
      holder === place.holder && key === place.key ? code : null,
    );
    return locate(args) ?? wholeProblem(code);
  }
}
