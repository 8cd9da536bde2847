import type {
  CompiledGrant,
  DecisionRequest,
  DenialCode,
  GrantedAction,
} from '@cortex-governance/core';
import type { Grant } from './grant.ts';
import { ScopedAction } from './granted-action.ts';
import { compileLimitRule } from './limit-rule.ts';
import type { PathScope } from './path-scope.ts';
import { SharedParts } from './shared-parts.ts';

/** Actions of a grant up to which they are looked through one by one. */
const MOST_LOOKED_THROUGH = 8;

export interface CompileGrantOptions {
  /** Folder that `fsScope` and relative paths start from. Default: the working folder. */
  readonly workspace?: string;
  /** Whether the policy is too old for a high-risk grant now. Default: never. */
  readonly isStale?: () => boolean;
}

/** A grant made ready to be asked. Immutable; what it answers depends on the disk in `resolvePaths` only. */
export function compileGrant(grant: Grant, options: CompileGrantOptions = {}): CompiledGrant {
  const parts = new SharedParts(options.workspace ?? process.cwd());
  return new ScopedGrant(grant, parts, options.isStale ?? (() => false));
}

/** What {@link compileGrant} makes, with what only the grant index needs. */
export class ScopedGrant implements CompiledGrant {
  readonly tool: string;
  readonly shadow: boolean;
  readonly #tenants: ReadonlySet<string> | null;
  readonly #subjects: ReadonlySet<string> | null;
  readonly #isStale: (() => boolean) | null;
  /** Names and actions at the same places. Few, so that looking through them is faster than a Map. */
  readonly #actionNames: readonly string[];
  readonly #actions: readonly ScopedAction[];
  /** For grants with many actions. */
  readonly #actionPlaces: ReadonlyMap<string, number> | null;
  readonly #scope: PathScope;

  constructor(grant: Grant, parts: SharedParts, isStale: () => boolean) {
    this.tool = grant.tool;
    this.shadow = grant.mode === 'shadow';
    this.#tenants = grant.tenants === undefined ? null : new Set(grant.tenants);
    this.#subjects = grant.subjects === undefined ? null : new Set(grant.subjects);
    this.#isStale = grant.risk === 'high' ? isStale : null;
    this.#scope = parts.scope(grant.fsScope);
    this.#actionNames = Object.freeze([...grant.actions]);
    this.#actions = Object.freeze(compileActions(grant, parts, this.#scope));
    this.#actionPlaces =
      grant.actions.length > MOST_LOOKED_THROUGH
        ? new Map(grant.actions.map((name, place) => [name, place]))
        : null;
    Object.freeze(this);
  }

  checkSubject(request: DecisionRequest): DenialCode | null {
    if (this.#tenants !== null && !this.#tenants.has(request.tenant)) return 'TENANT_NOT_GRANTED';
    if (this.#subjects !== null && !this.#subjects.has(request.subject.id))
      return 'SUBJECT_NOT_GRANTED';
    return this.#isStale?.() === true ? 'POLICY_STALE' : null;
  }

  action(name: string): GrantedAction | undefined {
    if (this.#actionPlaces !== null) return this.#actions[this.#actionPlaces.get(name) ?? -1];
    for (let i = 0; i < this.#actionNames.length; i += 1) {
      if (this.#actionNames[i] === name) return this.#actions[i];
    }
    return undefined;
  }

  actions(): readonly string[] {
    return this.#actionNames;
  }

  /** Looks up where the scope's folders really are, once. */
  pin(): Promise<void> {
    return this.#scope.pin();
  }

  /** Whether the same grant, compiled at another time, found its scope in the same real places. */
  isWhere(other: ScopedGrant): Promise<boolean> {
    return this.#scope.isWhere(other.#scope);
  }
}

function compileActions(grant: Grant, parts: SharedParts, scope: PathScope): ScopedAction[] {
  const declared = Object.keys(grant.args).length === 0 ? null : grant.args;
  return grant.actions.map((name) => {
    const rule = Object.hasOwn(grant.actionRules, name) ? grant.actionRules[name] : undefined;
    const policy = parts.policy(rule?.args ?? declared, grant.egress?.hosts);
    return new ScopedAction({
      name,
      effect: rule?.effect ?? 'write',
      approval: rule?.approval ?? false,
      limit: compileLimitRule(grant, name, rule?.rate ?? grant.rate),
      policy,
      scope,
      checkArguments: parts.checker(policy, scope),
    });
  });
}
