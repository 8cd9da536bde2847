/** What a proxy counts; every message that does not pass is counted by one of these. */
export const MCP_PROXY_EVENTS = [
  /** Calls that were allowed and sent to the server. */
  'calls_forwarded',
  /** Calls that were denied, escalations apart. */
  'calls_denied',
  'calls_escalated',
  /** Calls that were running when the kill switch stopped them. */
  'calls_stopped',
  /** Calls that the client cancelled before they were decided. */
  'calls_cancelled',
  /** Tools left out of tool lists. */
  'tools_hidden',
  /** Requests of the client with a method that is not governed. */
  'client_requests_refused',
  'client_ids_duplicate',
  /** Requests beyond the bound on requests in flight. */
  'client_requests_overload',
  'client_notifications_dropped',
  'client_responses_dropped',
  /** Messages that are not JSON-RPC, and errors of the transport. */
  'client_messages_malformed',
  'server_requests_refused',
  'server_notifications_dropped',
  /** Responses to nothing that is in flight: unknown, repeated, cancelled or stopped. */
  'server_responses_dropped',
  /** Responses that ask the client for input (sampling, elicitation, roots) in place of a result. */
  'server_responses_refused',
  'server_messages_malformed',
] as const;

export type McpProxyEvent = (typeof MCP_PROXY_EVENTS)[number];

/** How often each event happened since the proxy was made. */
export type McpProxyCounters = Readonly<Record<McpProxyEvent, number>>;

/** Counts what happens in one proxy, with an addition each. */
export class McpProxyTally {
  readonly #counts = new Map<McpProxyEvent, number>(MCP_PROXY_EVENTS.map((event) => [event, 0]));

  /** Adds to an event and returns its new count. */
  count(event: McpProxyEvent, by = 1): number {
    const count = (this.#counts.get(event) ?? 0) + by;
    this.#counts.set(event, count);
    return count;
  }

  counters(): McpProxyCounters {
    return Object.fromEntries(this.#counts) as Record<McpProxyEvent, number>;
  }
}
