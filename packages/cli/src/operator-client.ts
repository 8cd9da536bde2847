import { errorMessage, isPlainObject } from '@cortex-governance/core';
import { CliError, usageError } from './cli-error.ts';

/** Longest wait for a server's answer: an operator must not wait for a dead one. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Largest answer read. */
const MAX_ANSWER_BYTES = 16_777_216;

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Talks to the operator routes of a running server. */
export class OperatorClient {
  readonly #base: string;
  readonly #prefix: string;
  readonly #token: string;

  private constructor(base: string, prefix: string, token: string) {
    this.#base = base;
    this.#prefix = prefix;
    this.#token = token;
  }

  /**
   * A client for the server at a base URL, with the token in a file.
   * @throws {CliError} USAGE for a URL to which a token must not be sent; {GovernanceError} CONFIG_INVALID for the file.
   */
  static async open(url: string, tokenFile: string): Promise<OperatorClient> {
    const base = checkUrl(url);
    const server = await import('@cortex-governance/server');
    const token = await server.readOperatorToken(tokenFile);
    return new OperatorClient(base, server.OPERATOR_PREFIX, token);
  }

  /**
   * @param member what tells the answer from that of another program.
   * @throws {CliError} UNREACHABLE, or the server's own code with what it says.
   */
  get(path: string, member: string): Promise<unknown> {
    return this.#send(path, member, { method: 'GET' });
  }

  /** @throws {CliError} as {@link get} */
  post(path: string, body: unknown, member: string): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    return this.#send(path, member, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async #send(path: string, member: string, init: RequestInit): Promise<unknown> {
    const response = await this.#fetch(path, init);
    const body = await readBody(response);
    if (!isPlainObject(body)) throw notOurs('not a JSON object');
    // A reload that kept the last good grants says so with a status of its own.
    if (!response.ok && body['ok'] !== false) throw refused(response.status, body);
    if (!Object.hasOwn(body, member)) throw notOurs(`without ${member}`);
    return body;
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.#base + this.#prefix + path, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${this.#token}` },
        // A redirect would carry the token elsewhere.
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      throw new CliError(
        'UNREACHABLE',
        `no server answers at ${this.#base}: ${errorMessage(cause)}`,
      );
    }
  }
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageError(`--url: not an http or https URL: ${text}`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw usageError('--url: give the base URL alone, without user, query or fragment');
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw usageError(
      '--url: the operator token is not sent in the clear to another machine; use https',
    );
  }
  return url.href.replace(/\/+$/, '');
}

async function readBody(response: Response): Promise<unknown> {
  try {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_ANSWER_BYTES) throw new Error(`more than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (error) {
    throw notOurs(errorMessage(error));
  }
}

function notOurs(problem: string): CliError {
  return new CliError('UNREACHABLE', `the answer is not one of this server: ${problem}`);
}

function refused(status: number, body: unknown): CliError {
  const error = (body as { error?: { code?: unknown; message?: unknown } } | null)?.error;
  const code = typeof error?.code === 'string' ? error.code : `HTTP_${status}`;
  const message =
    typeof error?.message === 'string' ? error.message : `the server answered ${status}`;
  return new CliError(
    status === 401 ? 'UNREACHABLE' : status < 500 ? 'USAGE' : 'FAULT',
    message,
    code,
  );
}
