import { isPlainObject } from '@cortex-governance/core';
import { CLIENT_CAPABILITIES_META_KEY } from '@modelcontextprotocol/server';
import type { RpcParams } from './rpc-message.ts';

/**
 * The parameters of a request without what the client offers to do for the server (roots, sampling,
 * elicitation, tasks): the proxy refuses all requests of a server, so it must not promise any.
 * Covers `initialize`, and the per-request envelope in `_meta` of protocol revision 2026-07-28.
 */
export function withoutClientCapabilities(params: RpcParams | undefined): RpcParams | undefined {
  if (params === undefined) return undefined;
  const meta = params['_meta'];
  return {
    ...params,
    ...(params['capabilities'] === undefined ? {} : { capabilities: {} }),
    ...(isPlainObject(meta) ? { _meta: withoutClientEnvelope(meta) } : {}),
  };
}

/** `_meta` of a request, with the client's capabilities emptied where it names them. */
export function withoutClientEnvelope(meta: RpcParams): RpcParams {
  if (meta[CLIENT_CAPABILITIES_META_KEY] === undefined) return meta;
  return { ...meta, [CLIENT_CAPABILITIES_META_KEY]: {} };
}

/**
 * The result of `initialize` or `server/discover` with the server's capabilities cut to `tools`, so
 * that clients do not ask for what is refused.
 */
export function withToolsOnly(result: RpcParams): RpcParams {
  const capabilities = result['capabilities'];
  const tools = isPlainObject(capabilities) ? capabilities['tools'] : undefined;
  if (!isPlainObject(tools)) return { ...result, capabilities: {} };
  const listChanged = tools['listChanged'];
  return {
    ...result,
    capabilities: { tools: typeof listChanged === 'boolean' ? { listChanged } : {} },
  };
}

/** Whether the result of `initialize` promises notifications of changed tool lists. */
export function announcesListChanged(result: RpcParams): boolean {
  const { capabilities } = withToolsOnly(result) as { capabilities: { tools?: RpcParams } };
  return capabilities.tools?.['listChanged'] === true;
}
