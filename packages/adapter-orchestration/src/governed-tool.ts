import type { DecisionRequest, Verdict } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { CallReservation, usageOf } from './call-reservation.ts';
import { CallStop } from './call-stop.ts';
import { meetObligations, refuseObligation } from './obligation-handler.ts';
import {
  type CheckedBinding,
  checkBinding,
  type DeniedMode,
  type ToolBinding,
} from './tool-binding.ts';
import { denialError, type ToolDenial, toolDenial } from './tool-denial.ts';

/** Third argument of a governed function. */
export interface ToolRun {
  /**
   * Aborted when a kill-switch stop that covers this call is engaged while it runs. Hand it to whatever
   * the tool waits for: the caller has its denial at once, but only the tool can end its own work.
   */
  readonly signal: AbortSignal;
  /** The allow that this call runs on. */
  readonly verdict: Verdict;
}

/** A function that can be governed. It may be synchronous. */
export type Tool<Args, Extra, Result> = (
  args: Args,
  extra: Extra,
  run: ToolRun,
) => Result | PromiseLike<Result>;

/** Parameters of a governed function: those of the tool, without the {@link ToolRun}. */
export type GovernedParameters<Args, Extra> = undefined extends Extra
  ? undefined extends Args
    ? [args?: Args, extra?: Extra]
    : [args: Args, extra?: Extra]
  : [args: Args, extra: Extra];

/** A tool that runs only when the governor allows the call. */
export type GovernedTool<Args, Extra, Result> = (
  ...call: GovernedParameters<Args, Extra>
) => Promise<Result>;

/** What a governed function resolves with: the result, and with `onDenied: 'return'` a denial too. */
export type GovernedResult<Result, Mode extends DeniedMode> =
  | Result
  | (Mode extends 'return' ? ToolDenial : never);

/**
 * The function, made to run only when the governor allows the call.
 *
 * Each call is decided anew and the decision is awaited, evidence included. The tool then runs with the
 * authorization's arguments: a deep copy with real paths, never the caller's object. Obligations are met
 * first. A stop that covers the call and is engaged while it runs aborts {@link ToolRun.signal}, and the
 * outcome is the denial, whatever the tool does. What the tool itself throws passes through unchanged.
 * When the call has ended, however it did, it is settled with what `usage` reads from the result; a call
 * that never began is cancelled.
 * The function that is returned holds no reference to the tool that a caller could reach, and calls it
 * with `this` undefined.
 *
 * @throws {GovernanceError} OPTIONS_INVALID at once for a wrong binding. The governed function rejects
 * with the code of the denial, and the verdict, unless `onDenied` is `return`.
 */
export function governTool<Args, Extra, Result, const Mode extends DeniedMode = 'throw'>(
  governor: Governor,
  binding: ToolBinding<Args, Extra, Mode, NoInfer<Result>>,
  execute: Tool<Args, Extra, Result>,
): GovernedTool<Args, Extra, GovernedResult<Result, Mode>> {
  const checked = checkBinding<Args, Extra, Result>(binding, 'governTool(binding)');
  return governedFunction(governor, checked, execute) as GovernedTool<
    Args,
    Extra,
    GovernedResult<Result, Mode>
  >;
}

/** {@link governTool} for a binding that was checked. */
export function governedFunction<Args, Extra, Result>(
  governor: Governor,
  binding: CheckedBinding<Args, Extra, Result>,
  execute: Tool<Args, Extra, Result>,
): (args: Args, extra: Extra) => Promise<Result | ToolDenial> {
  return async (args, extra) => {
    const outcome = await runGoverned(governor, binding, execute, args, extra);
    if (!('denied' in outcome)) return outcome.result;
    if (binding.onDenied === 'return') return toolDenial(outcome.denied);
    throw denialError(outcome.denied, outcome.cause);
  };
}

type Outcome<Result> =
  | { readonly result: Result }
  | { readonly denied: Verdict; readonly cause?: unknown };

async function runGoverned<Args, Extra, Result>(
  governor: Governor,
  binding: CheckedBinding<Args, Extra, Result>,
  execute: Tool<Args, Extra, Result>,
  args: Args,
  extra: Extra,
): Promise<Outcome<Result>> {
  const request = binding.request(args, extra);
  const { verdict, args: decided } = await governor.authorize(request);
  if (verdict.effect !== 'allow') return { denied: verdict };
  const reservation = new CallReservation(governor, verdict);
  const allowed = {
    request: { ...request, action: { ...request.action, properties: decided } },
    verdict,
    reservation,
  };
  try {
    const outcome = await runAllowed(governor, binding, allowed, ({ signal }) =>
      execute(decided as Args, extra, { signal, verdict }),
    );
    if ('result' in outcome) reservation.end(usageOf(binding.usage, outcome.result));
    return outcome;
  } finally {
    reservation.end();
  }
}

interface AllowedCall {
  readonly request: DecisionRequest;
  readonly verdict: Verdict;
  readonly reservation: CallReservation;
}

async function runAllowed<Args, Extra, Result>(
  governor: Governor,
  { handlers }: CheckedBinding<Args, Extra, Result>,
  { request, verdict, reservation }: AllowedCall,
  run: (stop: CallStop) => Result | PromiseLike<Result>,
): Promise<Outcome<Result>> {
  const stop = new CallStop(governor, request);
  const { signal } = stop;
  try {
    return await stop.race(async (): Promise<Outcome<Result>> => {
      const unmet = await meetObligations({ request, verdict, signal }, handlers);
      signal.throwIfAborted();
      if (unmet !== null) {
        return { denied: refuseObligation(governor, request, unmet), cause: unmet.cause };
      }
      reservation.begin();
      return { result: await run(stop) };
    });
  } catch (error) {
    if (stop.verdict !== null) return { denied: stop.verdict };
    throw error;
  } finally {
    stop.end();
  }
}
