import type { ArgumentProblem, Attributes } from '@cortex-governance/core';
import { ArgumentPolicy } from './argument-policy.ts';
import type { ArgumentSpec } from './argument-spec.ts';
import { EgressScope } from './egress-scope.ts';
import { PathScope } from './path-scope.ts';

type ArgumentChecker = (args: Attributes | undefined) => ArgumentProblem | null;

/**
 * What the compiled grants of one snapshot have in common, made once: grants are written by templates, and
 * a thousand of them with the same arguments and folders should not be a thousand sets of objects, each
 * of which is fetched from main memory when its grant is asked for.
 */
export class SharedParts {
  readonly #workspace: string;
  readonly #scopes = new Map<string, PathScope>();
  readonly #policies = new Map<string, ArgumentPolicy>();
  readonly #checkers = new Map<ArgumentPolicy, Map<PathScope, ArgumentChecker>>();

  /** @param workspace folder that scopes and relative paths start from. */
  constructor(workspace: string) {
    this.#workspace = workspace;
  }

  scope(entries: readonly string[]): PathScope {
    return findOrMake(
      this.#scopes,
      JSON.stringify(entries),
      () => new PathScope(entries, this.#workspace),
    );
  }

  /** @param specs the declared arguments; null when none are declared. */
  policy(
    specs: Readonly<Record<string, ArgumentSpec>> | null,
    hosts: readonly string[] | undefined,
  ): ArgumentPolicy {
    const key = JSON.stringify([specs, hosts ?? null]);
    return findOrMake(this.#policies, key, () => new ArgumentPolicy(specs, new EgressScope(hosts)));
  }

  /** The function that judges a call's arguments, and every path in them by the scope. */
  checker(policy: ArgumentPolicy, scope: PathScope): ArgumentChecker {
    const ofPolicy = findOrMake(this.#checkers, policy, () => new Map());
    return findOrMake(ofPolicy, scope, () => policy.checker((path) => scope.check(path)));
  }
}

function findOrMake<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}
