import type {
  CompiledGrant,
  DecisionRequest,
  DenialCode,
  GrantedAction,
} from '@cortex-governance/core';
import { ArgumentPolicy } from './argument-policy.ts';
import { EgressScope } from './egress-scope.ts';
import type { Grant } from './grant.ts';
import { ScopedAction } from './granted-action.ts';
import { compileLimitRule } from './limit-rule.ts';
import { PathScope } from './path-scope.ts';

export interface CompileGrantOptions {
  /** Folder that `fsScope` and relative paths start from. Default: the working folder. */
  readonly workspace?: string;
  /** Whether the policy is too old for a high-risk grant now. Default: never. */
  readonly isStale?: () => boolean;
}

/** A grant made ready to be asked. Immutable; what it answers depends on the disk in `resolvePaths` only. */
export function compileGrant(grant: Grant, options: CompileGrantOptions = {}): CompiledGrant {
  return new ScopedGrant(
    grant,
    options.workspace ?? process.cwd(),
    options.isStale ?? (() => false),
  );
}

/** What {@link compileGrant} makes, with what only the grant index needs. */
export class ScopedGrant implements CompiledGrant {
  readonly tool: string;
  readonly shadow: boolean;
  readonly #tenants: ReadonlySet<string> | null;
  readonly #subjects: ReadonlySet<string> | null;
  readonly #isStale: (() => boolean) | null;
  readonly #actions: ReadonlyMap<string, ScopedAction>;
  readonly #actionNames: readonly string[];
  readonly #scope: PathScope;

  constructor(grant: Grant, workspace: string, isStale: () => boolean) {
    this.tool = grant.tool;
    this.shadow = grant.mode === 'shadow';
    this.#tenants = grant.tenants === undefined ? null : new Set(grant.tenants);
    this.#subjects = grant.subjects === undefined ? null : new Set(grant.subjects);
    this.#isStale = grant.risk === 'high' ? isStale : null;
    this.#scope = new PathScope(grant.fsScope, workspace);
    this.#actions = compileActions(grant, this.#scope);
    this.#actionNames = Object.freeze([...grant.actions]);
    Object.freeze(this);
  }

  checkSubject(request: DecisionRequest): DenialCode | null {
    if (this.#tenants !== null && !this.#tenants.has(request.tenant)) return 'TENANT_NOT_GRANTED';
    if (this.#subjects !== null && !this.#subjects.has(request.subject.id))
      return 'SUBJECT_NOT_GRANTED';
    return this.#isStale?.() === true ? 'POLICY_STALE' : null;
  }

  action(name: string): GrantedAction | undefined {
    return this.#actions.get(name);
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

function compileActions(grant: Grant, scope: PathScope): ReadonlyMap<string, ScopedAction> {
  const egress = new EgressScope(grant.egress?.hosts);
  const declared = Object.keys(grant.args).length === 0 ? null : grant.args;
  const shared = new ArgumentPolicy(declared, egress);
  return new Map(
    grant.actions.map((name) => {
      const rule = Object.hasOwn(grant.actionRules, name) ? grant.actionRules[name] : undefined;
      const policy = rule?.args === undefined ? shared : new ArgumentPolicy(rule.args, egress);
      const action = new ScopedAction({
        name,
        effect: rule?.effect ?? 'write',
        approval: rule?.approval ?? false,
        limit: compileLimitRule(grant, name, rule?.rate ?? grant.rate),
        policy,
        scope,
      });
      return [name, action];
    }),
  );
}
