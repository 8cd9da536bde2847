import type { Exchange } from './exchange.ts';
import type { ModelRequest } from './model-request.ts';

/** Where model calls go. */
export interface Upstream {
  /** Full URL of an endpoint such as `/chat/completions`. */
  url(endpoint: string): string;
  readonly apiKey: string | null;
  /** Longest wait for the first byte, and for the next one (ms). */
  readonly timeoutMs: number;
  readonly fetch: typeof fetch;
}

/** An answer whose first bytes are there. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Null for an answer without a body. */
  readonly body: {
    readonly first: Uint8Array;
    readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  } | null;
}

/** An upstream that gave no answer to pass on. */
export interface UpstreamFailure {
  /** Without addresses or secrets. */
  readonly problem: string;
}

const USER_AGENT = 'cortex-governance';

/** Answers about the gateway's own credentials, which are not the client's business. */
const OWN_CREDENTIALS: ReadonlySet<number> = new Set([401, 407]);

/** Failures before there is a connection: the upstream cannot have the call. */
const UNREACHED: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH'],
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Sends a model call. Rejects only when the exchange has ended early. */
export async function callUpstream(
  upstream: Upstream,
  endpoint: string,
  { payload, stream }: ModelRequest,
  exchange: Exchange,
): Promise<UpstreamAnswer | UpstreamFailure> {
  try {
    return await exchange.within(upstream.timeoutMs, async () => {
      exchange.account.sent();
      const response = await upstream.fetch(upstream.url(endpoint), {
        method: 'POST',
        headers: requestHeaders(upstream.apiKey, stream),
        body: payload,
        redirect: 'manual',
        signal: exchange.signal,
      });
      const problem = findStatusProblem(response);
      return problem === null ? await begin(response) : { problem };
    });
  } catch (error) {
    if (exchange.ending !== null) throw error;
    const code = failureCode(error);
    if (code !== null && UNREACHED.has(code)) exchange.account.unreached();
    return { problem: code === null ? 'no connection' : `no connection (${code})` };
  }
}

/** All that the upstream learns besides the body: nothing of the caller's. */
function requestHeaders(apiKey: string | null, stream: boolean): Record<string, string> {
  return {
    'content-type': 'application/json',
    accept: stream ? 'text/event-stream' : 'application/json',
    'accept-encoding': 'identity',
    'user-agent': USER_AGENT,
    ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
  };
}

function findStatusProblem({ status, type }: Response): string | null {
  if (type === 'opaqueredirect' || (status >= 300 && status < 400)) return 'it redirects elsewhere';
  if (OWN_CREDENTIALS.has(status)) return "it refuses the gateway's credentials";
  return status < 200 || status > 599 ? 'it answers with an unknown status' : null;
}

async function begin(response: Response): Promise<UpstreamAnswer> {
  const { status, headers } = response;
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  const first = await reader?.read();
  const body =
    reader === undefined || first?.value === undefined ? null : { first: first.value, reader };
  return { status, headers, body };
}

/** The system's code for what went wrong, or null. Messages name addresses, and are left out. */
function failureCode(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  const code: unknown =
    typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : null;
}
