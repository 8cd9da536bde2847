import type { Logger } from '@cortex-governance/core';
import type { McpProxyEvent, McpProxyTally } from './mcp-proxy-counters.ts';
import type { McpGovernor } from './mcp-proxy-options.ts';
import type { Outbox } from './outbox.ts';
import type { PendingRequests } from './pending-requests.ts';
import type { CallScope } from './tool-filter.ts';

/** What the two directions of one proxy share. */
export interface ProxyLink {
  readonly governor: McpGovernor;
  readonly scope: CallScope;
  readonly pending: PendingRequests;
  readonly tally: McpProxyTally;
  readonly toClient: Outbox;
  readonly toServer: Outbox;
  readonly logger: Logger;
  readonly maxPending: number;
  /** True when the session has ended: nothing is sent any more. */
  isEnded(): boolean;
}

/** Counts something that did not pass, and logs the first such event and then ever rarer ones. */
export function countDrop(
  link: Pick<ProxyLink, 'tally' | 'logger'>,
  event: McpProxyEvent,
  detail: string,
): void {
  const count = link.tally.count(event);
  // Powers of two: a peer that floods must not flood the log as well.
  if ((count & (count - 1)) === 0) {
    link.logger.warn('MCP_MESSAGE_REFUSED', { event, count, detail: detail.slice(0, MAX_DETAIL) });
  }
}

/** Longest text of a peer in a log line, in UTF-16 code units. */
const MAX_DETAIL = 200;
