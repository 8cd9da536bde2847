import { createMcpProxy, type McpGovernor, VERDICT_META_KEY } from '@cortex-governance/adapter-mcp';
import type { DecisionRequest, Verdict } from '@cortex-governance/core';
import { createGovernor, type Governor, type GovernorOptions } from '@cortex-governance/governor';
import { createServer } from '@cortex-governance/server';
import type { Case } from './cases.ts';

/** What every placement says of a request, whatever else it says. */
export interface Answer {
  readonly effect: string;
  readonly code: string;
}

/** One way of asking; each has a governor of its own. */
export interface Placement {
  readonly name: string;
  readonly governor: Governor;
  ask(asked: Case): Promise<Answer>;
  close(): Promise<void>;
}

function requestOf({ tenant, agent, tool, action, args }: Case): DecisionRequest {
  return {
    tenant,
    subject: { type: 'agent', id: agent },
    action: { name: action, properties: args } as never,
    resource: { type: 'tool', id: tool },
  };
}

type Opener = (root: string, options?: Omit<GovernorOptions, 'root'>) => Promise<Placement>;

/** The library, asked by `evaluate`. */
export const openLibrary: Opener = async (root, options) => {
  const governor = await createGovernor({ root, ...options });
  return {
    name: 'library',
    governor,
    ask: (asked) => governor.evaluate(requestOf(asked)),
    close: () => governor.close(),
  };
};

/** The library, asked by `decide`. */
export const openSyncLibrary: Opener = async (root, options) => {
  const placement = await openLibrary(root, options);
  return {
    ...placement,
    name: 'library, synchronous',
    ask: async (asked) => placement.governor.decide(requestOf(asked)),
  };
};

/** The sidecar, asked over HTTP; the tenant comes from a trusted peer's header. */
export const openSidecar: Opener = async (root, options) => {
  const governor = await createGovernor({ root, ...options });
  const server = await createServer(governor, { port: 0 });
  const { url } = await server.listen();
  return {
    name: 'sidecar',
    governor,
    ask: async (asked) => {
      const { tenant, ...body } = requestOf(asked);
      const response = await fetch(`${url}/access/v1/evaluation`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(tenant === '' ? {} : { 'x-tenant-id': tenant }),
        },
        body: JSON.stringify(body),
      });
      const { decision, context } = (await response.json()) as {
        decision: boolean;
        context: Answer;
      };
      if (decision !== (context.effect === 'allow')) throw new Error('decision and effect differ');
      return context;
    },
    close: async () => {
      await server.close();
      await governor.close();
    },
  };
};

/** The MCP proxy, spoken to in raw JSON-RPC messages; behind it a server that answers every call. */
export const openMcpProxy: Opener = async (root, options) => {
  const governor = await createGovernor({ root, ...options });
  const allowed: Verdict[] = [];
  const watched: McpGovernor = {
    authorize: async (request, how) => {
      const authorization = await governor.authorize(request, how);
      if (authorization.verdict.effect === 'allow') allowed.push(authorization.verdict);
      return authorization;
    },
    refuse: (request, code, stage, detail) => governor.refuse(request, code, stage, detail),
    onStop: (request, listener) => governor.onStop(request, listener),
    settle: (verdict, usage) => governor.settle(verdict, usage),
    cancel: (verdict) => governor.cancel(verdict),
    grants: governor.grants,
    tenants: governor.tenants,
  };
  return {
    name: 'MCP proxy',
    governor,
    ask: (asked) => askProxy(watched, asked, allowed),
    close: () => governor.close(),
  };
};

/** One end of a transport that a test holds in its hands. */
class TestTransport {
  onmessage?: (message: unknown) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #onSend: (message: never) => void;

  constructor(onSend: (message: never) => void) {
    this.#onSend = onSend;
  }

  async start(): Promise<void> {}

  async send(message: unknown): Promise<void> {
    this.#onSend(message as never);
  }

  async close(): Promise<void> {
    this.onclose?.();
  }
}

interface Reply {
  readonly id?: number;
  readonly result?: {
    readonly isError?: boolean;
    readonly _meta?: Readonly<Record<string, Answer>>;
  };
}

async function askProxy(governor: McpGovernor, asked: Case, allowed: Verdict[]): Promise<Answer> {
  let resolve: (reply: Reply) => void = () => {};
  const promise = new Promise<Reply>((settle) => {
    resolve = settle;
  });
  const client = new TestTransport((message) => resolve(message));
  const server: TestTransport = new TestTransport(({ id }: { id: number }) => {
    server.onmessage?.({ jsonrpc: '2.0', id, result: { content: [] } });
  });
  const { tenant, agent, tool } = asked;
  const transports = { client: client as never, server: server as never };
  const proxy = createMcpProxy({ governor, tenant, agent, tool, ...transports });
  await proxy.start();
  const params = { name: asked.action, arguments: asked.args };
  client.onmessage?.({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const { result } = await promise;
  await proxy.close();
  const refused = result?._meta?.[VERDICT_META_KEY];
  const verdict = refused ?? allowed.pop();
  if (verdict === undefined) throw new Error('the proxy passed a call without an allow');
  return verdict;
}
