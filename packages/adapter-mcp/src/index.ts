// The complete public surface of @cortex-governance/adapter-mcp: named exports only; adding a line here is adding API.

export { type McpVerdict, VERDICT_META_KEY } from './denial-result.ts';
export { createMcpProxy, type McpProxy, type McpProxyEnd } from './mcp-proxy.ts';
export {
  MCP_PROXY_EVENTS,
  type McpProxyCounters,
  type McpProxyEvent,
} from './mcp-proxy-counters.ts';
export {
  DEFAULT_MAX_PENDING,
  type McpGovernor,
  type McpProxyOptions,
} from './mcp-proxy-options.ts';
export {
  DEFAULT_MAX_MESSAGE_BYTES,
  type McpProxyExit,
  type RunMcpProxyOptions,
  runMcpProxy,
} from './run-mcp-proxy.ts';
