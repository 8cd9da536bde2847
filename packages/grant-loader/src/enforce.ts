import {
  type CompiledGrant,
  type DenialCode,
  errorMessage,
  findAttributeProblem,
  GovernanceError,
  type GrantedAction,
  type Limit,
  type LimitRule,
  type VerdictCode,
} from '@cortex-governance/core';
import { CallWindow } from './call-window.ts';
import { compileGrant } from './compile-grant.ts';
import { Grant } from './grant.ts';
import { resetShadowWarnings, warnOfShadowedRefusal } from './shadow-warnings.ts';

/** Most pairs of tool and action that are counted in one process. */
const MAX_COUNTED_ACTIONS = 10_000;

/** Most calls that one window counts. */
const MAX_COUNTED_CALLS = 1_000_000;

/** A limit of calls in a window. */
interface CallLimit {
  readonly limit: number;
  readonly windowMs: number;
}

interface Compiled {
  readonly cwd: string;
  readonly grant: CompiledGrant;
}

/** Checked copies, defaults filled in, of grants that nobody can change any more. */
const checkedGrants = new WeakMap<object, Grant>();

const compiledGrants = new WeakMap<Grant, Compiled>();

/** By tool and action, then by length in milliseconds. A grant has three lengths at most. */
const counters = new Map<string, Map<number, CallWindow>>();

/** A refusal, and the argument it is about. */
type Refusal = { readonly code: VerdictCode; readonly argument: string } | null;

/**
 * Returns true when the grant allows the action with these arguments, and counts the call; otherwise
 * throws at once. Paths are judged by their text, relative to the working folder; links are not followed.
 *
 * Calls are counted per process, by tool and action, on a clock that never steps. Nothing here knows
 * a tenant, a subject or a person's approval: a grant that asks for one of them is not met. Nor does it
 * count tokens, cost, bursts or calls that run: a grant that limits these is refused as GRANT_INVALID.
 *
 * A grant in shadow mode refuses nothing: the first refusal of each tool and code is a process warning of
 * the type `GovernanceWarning`.
 * @throws {GovernanceError} ACTION_NOT_ALLOWED ("action not allowed"), PATH_OUT_OF_SCOPE ("path not
 * within fsScope"), RATE_LIMITED ("rate limit exceeded"), PATH_INVALID, HOST_NOT_ALLOWED,
 * ARGUMENT_UNKNOWN, ARGUMENT_MISSING, ARGUMENT_INVALID, APPROVAL_REQUIRED, TENANT_NOT_GRANTED,
 * SUBJECT_NOT_GRANTED, LIMITER_FULL, and GRANT_INVALID for what is not a grant, or limits what is not counted here.
 */
export function enforce(grant: Grant, action: string, args?: unknown): true {
  const data = checkedGrant(grant);
  const compiled = compiledFor(data);
  const refusal = refuse(data, compiled, action, args);
  if (refusal === null) return true;
  if (compiled.shadow) {
    warnOfShadowedRefusal(data.tool, String(action), refusal.code);
    return true;
  }
  throw new GovernanceError(
    refusal.code,
    refusal.argument === '' ? {} : { argument: refusal.argument },
  );
}

/** Forgets every call that {@link enforce} counted, and every warning that it gave. For tests. */
export function resetEnforceLimits(): void {
  counters.clear();
  resetShadowWarnings();
}

function refuse(data: Grant, compiled: CompiledGrant, action: string, args: unknown): Refusal {
  if (data.tenants !== undefined) return refusal('TENANT_NOT_GRANTED');
  if (data.subjects !== undefined) return refusal('SUBJECT_NOT_GRANTED');
  const granted = compiled.action(action);
  if (granted === undefined) return refusal('ACTION_NOT_ALLOWED');
  if (args !== undefined && findAttributeProblem(args) !== null) return refusal('ARGUMENT_INVALID');
  const problem = granted.checkArguments(args as Record<string, unknown> | undefined);
  if (problem !== null) return problem;
  if (granted.approval) return refusal('APPROVAL_REQUIRED');
  const limited = take(granted);
  return limited === null ? null : refusal(limited);
}

function refusal(code: VerdictCode): Refusal {
  return { code, argument: '' };
}

function checkedGrant(grant: Grant): Grant {
  const known = checkedGrants.get(grant);
  if (known !== undefined) return known;
  const result = Grant.safeParse(grant);
  if (result.success) {
    if (isDeeplyFrozen(grant)) checkedGrants.set(grant, result.data);
    return result.data;
  }
  const issue = result.error.issues[0];
  throw new GovernanceError('GRANT_INVALID', {
    file: 'enforce(grant)',
    place:
      issue === undefined || issue.path.length === 0 ? 'grant' : issue.path.map(String).join('.'),
    problem: issue?.message ?? errorMessage(result.error),
  });
}

function compiledFor(grant: Grant): CompiledGrant {
  const cwd = process.cwd();
  const known = compiledGrants.get(grant);
  if (known !== undefined && known.cwd === cwd) return known.grant;
  const compiled = compileGrant(grant, { workspace: cwd });
  compiledGrants.set(grant, { cwd, grant: compiled });
  return compiled;
}

/** Whether a value can never read differently: frozen at every depth, and without getters. */
function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (!Object.isFrozen(value)) return false;
  const members = Object.values(Object.getOwnPropertyDescriptors(value));
  return members.every((member) => 'value' in member && isDeeplyFrozen(member.value));
}

/** Counts a call in every window of the action, or in none; null when it was counted. */
function take(action: GrantedAction): DenialCode | null {
  if (action.limit === null) return null;
  const limits = countableLimits(action.limit);
  const windows = windowsOf(action.limit, limits);
  if (windows === null) return 'LIMITER_FULL';
  const now = performance.now();
  for (const { windowMs } of limits) {
    if (windows.get(windowMs)?.hasRoom(now) !== true) return 'RATE_LIMITED';
  }
  // Also in windows that only an earlier grant had: it may come back. Full ones stay full.
  for (const window of windows.values()) if (window.hasRoom(now)) window.add(now);
  return null;
}

/**
 * The windows of single calls that a rule consists of.
 * @throws {GovernanceError} GRANT_INVALID for any other limit: not to count it would not enforce the grant.
 */
function countableLimits({ limits }: LimitRule): readonly CallLimit[] {
  return limits.map((limit) => {
    const isCalls = limit.kind === 'window' || (limit.kind === 'budget' && limit.unit === 'calls');
    if (isCalls && limit.limit <= MAX_COUNTED_CALLS && limit.by.length === 3) return limit;
    const problem = `only a governor counts ${describeLimit(limit)}`;
    throw new GovernanceError('GRANT_INVALID', { file: 'enforce(grant)', place: 'rate', problem });
  });
}

function describeLimit(limit: Limit): string {
  if (limit.kind === 'gcra') return 'calls with a burst';
  if (limit.kind === 'concurrency') return 'calls that run';
  if (limit.kind === 'budget' && limit.unit !== 'calls') return limit.unit;
  return `more than ${MAX_COUNTED_CALLS} calls, or calls in other ways than each action`;
}

/** The counters of an action, with those of the rule under its limits; null when there is no room. */
function windowsOf(
  rule: LimitRule,
  limits: readonly CallLimit[],
): ReadonlyMap<number, CallWindow> | null {
  // Neither name holds a control character; the schema of grants says so.
  const key = `${rule.tool}\0${rule.action}`;
  let windows = counters.get(key);
  if (windows === undefined) {
    if (counters.size >= MAX_COUNTED_ACTIONS) return null;
    windows = new Map();
    counters.set(key, windows);
  }
  for (const { limit, windowMs } of limits) {
    const known = windows.get(windowMs);
    if (known?.limit === limit) continue;
    windows.set(windowMs, known?.withLimit(limit) ?? new CallWindow(limit, windowMs));
  }
  return windows;
}
