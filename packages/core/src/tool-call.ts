import type { Attributes } from './attributes.ts';
import type { DecisionRequest } from './decision-request.ts';

/** The usual question of an agent runtime, before it becomes a {@link DecisionRequest}. */
export interface ToolCall {
  readonly tenant: string;
  readonly agent: string;
  readonly tool: string;
  readonly action: string;
  readonly args?: Attributes;
  readonly callId?: string;
  readonly context?: Attributes;
}

/** The decision request for one call of a tool by an agent. */
export function toolCall(call: ToolCall): DecisionRequest {
  return {
    tenant: call.tenant,
    subject: { type: 'agent', id: call.agent },
    action:
      call.args === undefined
        ? { name: call.action }
        : { name: call.action, properties: call.args },
    resource: { type: 'tool', id: call.tool },
    ...(call.context === undefined ? {} : { context: call.context }),
    ...(call.callId === undefined ? {} : { callId: call.callId }),
  };
}
