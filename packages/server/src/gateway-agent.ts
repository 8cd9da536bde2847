import { MAX_IDENTIFIER_LENGTH } from '@cortex-governance/core';
import type { TenantContext } from '@cortex-governance/tenant-guard';

/** Header in which a trusted peer names the agent. */
export const AGENT_HEADER = 'x-agent-id';

/** The agent of a caller that nothing vouches for. */
export const ANONYMOUS_AGENT = 'anonymous';

/** The agent of a model call, or why the call is refused. */
export type GatewayAgent =
  | { readonly agent: string }
  | { readonly agent: null; readonly problem: string };

const AGENT = /^[\x21-\x7e]+$/;

/**
 * Who calls a model. From a verified token it is the token's subject. From a trusted peer it is the
 * header `X-Agent-ID`. Everyone else, the header or not, is `anonymous`: an agent that names itself
 * could step out of a stop of its old name.
 * @param rawHeaders names and values in turn, as they came.
 */
export function findGatewayAgent(
  caller: TenantContext,
  rawHeaders: readonly string[],
): GatewayAgent {
  if (caller.source === 'token') return { agent: caller.subject ?? ANONYMOUS_AGENT };
  if (caller.source !== 'header') return { agent: ANONYMOUS_AGENT };
  const named: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === AGENT_HEADER) named.push(rawHeaders[i + 1] ?? '');
  }
  const [agent] = named;
  if (agent === undefined) return { agent: ANONYMOUS_AGENT };
  if (named.length > 1) return { agent: null, problem: `${AGENT_HEADER}: more than one` };
  const usable = AGENT.test(agent) && agent.length <= MAX_IDENTIFIER_LENGTH && !agent.includes(',');
  return usable ? { agent } : { agent: null, problem: `${AGENT_HEADER}: malformed` };
}
