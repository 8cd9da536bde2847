import {
  type Attributes,
  type DecisionRequest,
  type LimitUsage,
  MAX_IDENTIFIER_LENGTH,
  parseOptions,
  toolCall,
} from '@cortex-governance/core';
import { z } from 'zod';
import type { ObligationHandler, ObligationHandlers } from './obligation-handler.ts';

/** `throw`: a denial is a GovernanceError with the verdict. `return`: a denial is a `ToolDenial` result. */
export type DeniedMode = 'throw' | 'return';

/** One value for every call, or a synchronous function of the call's `extra`. */
export type PerCall<Extra, Value> = Value | ((extra: Extra) => Value);

/** Who calls a tool, and what is done when it is refused; the same for all actions of the tool. */
export interface ToolsBinding<Extra, Mode extends DeniedMode = 'throw'> {
  /** Whose traffic this is. A function that throws ends the call with that error; the tool does not run. */
  readonly tenant: PerCall<Extra, string>;
  /** The agent that calls. As {@link tenant}. */
  readonly agent: PerCall<Extra, string>;
  /** `tool` of the grant. */
  readonly tool: string;
  /** Further facts for policies and evidence. @defaultValue none */
  readonly context?: PerCall<Extra, Attributes>;
  /** @defaultValue 'throw' */
  readonly onDenied?: Mode;
  /** Handlers by obligation type. @defaultValue none: a verdict with obligations is a denial */
  readonly obligations?: ObligationHandlers;
}

/** How one function is governed. */
export interface ToolBinding<Args, Extra, Mode extends DeniedMode = 'throw', Result = unknown>
  extends ToolsBinding<Extra, Mode> {
  /** One of the grant's actions. */
  readonly action: string;
  /**
   * Names the call, so that a second decision on the same call does not consume a limit again. MUST come
   * from the runtime, never from what the model wrote. @defaultValue none
   */
  readonly callId?: (args: Args, extra: Extra) => string | undefined;
  /**
   * What a call used of `tokens` and `cost` limits, read from its result; synchronous. A throw, or a unit
   * that is no number from 0 to 2^52, means: as reserved. @defaultValue none: as reserved
   */
  readonly usage?: (result: Result) => LimitUsage;
}

const identifier = z.string().min(1).max(MAX_IDENTIFIER_LENGTH);
const callback = z.custom<(...values: never) => unknown>(
  (value) => typeof value === 'function',
  'not a function',
);

const handler = z.custom<ObligationHandler>(
  (value) => typeof value === 'function',
  'not a function',
);

const bindingSchema = z.strictObject({
  tenant: z.union([identifier, callback]),
  agent: z.union([identifier, callback]),
  tool: identifier,
  action: identifier,
  callId: callback.optional(),
  usage: callback.optional(),
  context: z.union([z.record(z.string(), z.unknown()), callback]).optional(),
  onDenied: z.enum(['throw', 'return']).default('throw'),
  obligations: z.record(z.string(), handler).default({}),
});

/** A checked binding. */
export interface CheckedBinding<Args, Extra, Result = unknown> {
  readonly onDenied: DeniedMode;
  readonly usage: ((result: Result) => LimitUsage) | undefined;
  readonly handlers: ReadonlyMap<string, ObligationHandler>;
  /** The request for one call. */
  request(args: Args, extra: Extra): DecisionRequest;
}

/** @throws {GovernanceError} OPTIONS_INVALID */
export function checkBinding<Args, Extra, Result = unknown>(
  binding: ToolBinding<Args, Extra, DeniedMode, Result>,
  where: string,
): CheckedBinding<Args, Extra, Result> {
  const { onDenied, obligations } = parseOptions(bindingSchema, binding, where);
  // Taken out once: a binding that is changed later changes nothing.
  const { tenant, agent, tool, action, callId, context, usage } = binding;
  return {
    onDenied,
    usage,
    handlers: new Map(Object.entries(obligations)),
    request(args, extra) {
      const id = callId?.(args, extra);
      return toolCall({
        tenant: perCall(tenant, extra),
        agent: perCall(agent, extra),
        tool,
        action,
        args: args as Attributes,
        ...(id === undefined ? {} : { callId: id }),
        ...(context === undefined ? {} : { context: perCall(context, extra) }),
      });
    },
  };
}

function perCall<Extra, Value>(value: PerCall<Extra, Value>, extra: Extra): Value {
  return typeof value === 'function' ? (value as (extra: Extra) => Value)(extra) : value;
}
