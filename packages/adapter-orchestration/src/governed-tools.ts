import { GovernanceError, type LimitUsage, MAX_IDENTIFIER_LENGTH } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import {
  type GovernedResult,
  type GovernedTool,
  governedFunction,
  type Tool,
  type ToolRun,
} from './governed-tool.ts';
import { checkBinding, type DeniedMode, type ToolsBinding } from './tool-binding.ts';

/** Functions by the action that governs them. */
export type ToolRecord<Extra> = Readonly<
  Record<string, (args: never, extra: Extra, run: ToolRun) => unknown>
>;

/** The same functions, governed. */
export type GovernedTools<Tools, Mode extends DeniedMode> = {
  readonly [Name in keyof Tools]: Tools[Name] extends (
    args: infer Args,
    extra: infer Extra,
    run: ToolRun,
  ) => infer Result
    ? GovernedTool<Args, Extra, GovernedResult<Awaited<Result>, Mode>>
    : never;
};

/** Names the call of any of the functions; `action` is its key in the record. See `ToolBinding.callId`. */
export type ToolsCallId<Extra> = (
  action: string,
  args: unknown,
  extra: Extra,
) => string | undefined;

/** What a call of any of the functions used; `action` is its key. See `ToolBinding.usage`. */
export type ToolsUsage = (action: string, result: unknown) => LimitUsage;

/**
 * Every function of a record, governed as by `governTool`, with its key as the action.
 *
 * The result is frozen and has no prototype: a name that is not a key is undefined. Functions that are
 * added to the record later are not governed and not reachable through the result.
 * @throws {GovernanceError} OPTIONS_INVALID for a wrong binding, a member that is not a function, an
 * accessor, or no member at all.
 */
export function governTools<
  Extra,
  const Tools extends ToolRecord<Extra>,
  const Mode extends DeniedMode = 'throw',
>(
  governor: Governor,
  binding: ToolsBinding<Extra, Mode> & {
    readonly callId?: ToolsCallId<Extra>;
    readonly usage?: ToolsUsage;
  },
  tools: Tools,
): GovernedTools<Tools, Mode> {
  const { callId, usage, ...shared } = binding;
  const governed: Record<string, unknown> = Object.create(null);
  for (const [action, execute] of toolEntries(tools)) {
    const one = {
      ...shared,
      action,
      ...(callId === undefined
        ? {}
        : { callId: (args: unknown, extra: Extra) => callId(action, args, extra) }),
      ...(usage === undefined ? {} : { usage: (result: unknown) => usage(action, result) }),
    };
    const checked = checkBinding<unknown, Extra>(one, 'governTools(binding)');
    governed[action] = governedFunction(
      governor,
      checked,
      execute as Tool<unknown, Extra, unknown>,
    );
  }
  return Object.freeze(governed) as GovernedTools<Tools, Mode>;
}

function toolEntries(tools: object): [string, unknown][] {
  const entries = Object.entries(Object.getOwnPropertyDescriptors(tools)).map(
    ([action, { value }]): [string, unknown] => [action, value],
  );
  if (entries.length === 0) throw invalid('tools', 'no function');
  for (const [action, value] of entries) {
    if (action === '' || action.length > MAX_IDENTIFIER_LENGTH)
      throw invalid('tools', 'a key is no action name');
    if (typeof value !== 'function') throw invalid(`tools.${action}`, 'not a function');
  }
  return entries;
}

function invalid(place: string, problem: string): GovernanceError {
  return new GovernanceError('OPTIONS_INVALID', { where: `governTools(${place})`, problem });
}
