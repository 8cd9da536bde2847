import type { Governor, GovernorOptions } from '@cortex-governance/governor';
import { createModelGateway, type ModelGateway, type ModelGatewayOptions } from '../src/index.ts';
import { type Answer, openUpstream, type TestUpstream } from './upstream.ts';
import { type GrantFile, openWorkspace, RATE } from './workspace.ts';

export const GRANT: GrantFile = {
  tool: 'model-gateway',
  actions: ['chat', 'embeddings', 'rerank'],
  args: {
    model: { type: 'string', enum: ['small', 'org/large'], required: true },
    stream: { type: 'boolean' },
  },
  rate: RATE,
};

export const CALLER = { tenant: 'default', agent: 'planner' };
export const STOP = { actor: 'op', reason: 'test', scope: 'agent', agent: 'planner' } as const;

export interface TestGateway {
  readonly gateway: ModelGateway;
  readonly upstream: TestUpstream;
  readonly governor: Governor;
}

export interface GatewaySetup {
  readonly grant?: Readonly<Record<string, unknown>>;
  readonly governor?: GovernorOptions;
  readonly config?: string;
  readonly options?: Partial<ModelGatewayOptions>;
  readonly answer?: Answer;
}

export async function openGateway(setup: GatewaySetup = {}): Promise<TestGateway> {
  const grant = { ...GRANT, ...setup.grant };
  const { governor } = await openWorkspace([grant], setup.governor, setup.config);
  const upstream = await openUpstream(setup.answer);
  const gateway = createModelGateway({ governor, upstream: upstream.base, ...setup.options });
  return { gateway, upstream, governor };
}

export function chat(body: unknown, init: RequestInit & { path?: string } = {}): Request {
  const { path = '/v1/chat/completions', ...rest } = init;
  return new Request(`http://gateway.test${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...rest,
  });
}

export const HELLO = { model: 'small', messages: [{ role: 'user', content: 'hi' }] };

/** A response of the gateway itself. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: string;
    readonly param: null;
  };
  readonly verdict?: { readonly code: string; readonly effect: string };
}

export async function errorOf(response: Response): Promise<ErrorAnswer> {
  const body = (await response.json()) as Pick<ErrorAnswer, 'error' | 'verdict'>;
  return { status: response.status, headers: response.headers, ...body };
}
