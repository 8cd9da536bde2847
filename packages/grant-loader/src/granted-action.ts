import type {
  ArgumentProblem,
  Attributes,
  DenialCode,
  GrantedAction,
  LimitRule,
  ResolvedArguments,
} from '@cortex-governance/core';
import { type ArgumentPolicy, wholeProblem } from './argument-policy.ts';
import type { Holder } from './argument-walk.ts';
import type { PathScope } from './path-scope.ts';
import { copyPlainObject } from './plain-copy.ts';

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
    this.checkArguments = this.#policy.checker((path) => this.#scope.check(path));
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
    const copy = copyPlainObject(args ?? {});
    if (copy === null) return { args: null, problem: wholeProblem('ARGUMENT_INVALID') };
    const places: PathPlace[] = [];
    const collect = this.#policy.checker((path, holder, key) => {
      places.push({ path, holder, key });
      return this.#scope.check(path);
    });
    // The copy is judged again, because a getter may have shown the check other values.
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
