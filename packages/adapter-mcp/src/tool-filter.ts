import { isPlainObject, toolCall } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { RpcParams } from './rpc-message.ts';

/** Whose calls are governed, and by which grant. */
export interface CallScope {
  readonly tenant: string;
  readonly agent: string;
  /** The `tool` of the grant that governs the MCP server. */
  readonly tool: string;
}

/** A tool list, and how many tools it lost. */
export interface FilteredTools {
  readonly result: RpcParams;
  readonly hidden: number;
}

/**
 * A `tools/list` result with only those tools that the grant in force allows this tenant and agent.
 * Without a grant, or for an unknown tenant, it is empty; a grant in shadow mode hides nothing, because it
 * denies nothing. The rest of the result (the cursor, say) stays; where it says how it may be cached, it
 * becomes private, because it is this caller's.
 */
export function filterTools(
  governor: Pick<Governor, 'grants' | 'tenants'>,
  scope: CallScope,
  result: RpcParams,
): FilteredTools {
  const offered = Array.isArray(result['tools']) ? result['tools'] : [];
  const allows = allowedNames(governor, scope);
  const tools = offered.filter(
    (tool) => isPlainObject(tool) && typeof tool['name'] === 'string' && allows(tool['name']),
  );
  const cache = result['cacheScope'] === undefined ? {} : { cacheScope: 'private' };
  return { result: { ...result, ...cache, tools }, hidden: offered.length - tools.length };
}

function allowedNames(
  governor: Pick<Governor, 'grants' | 'tenants'>,
  scope: CallScope,
): (name: string) => boolean {
  const grant = governor.grants.current().find(scope.tool);
  if (grant === undefined || governor.tenants.check(scope.tenant) !== null) return () => false;
  if (grant.shadow) return () => true;
  return (name) =>
    grant.action(name) !== undefined &&
    grant.checkSubject(toolCall({ ...scope, action: name })) === null;
}
