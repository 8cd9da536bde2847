import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** One request that arrived at the upstream. */
export interface Arrival {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly response: ServerResponse;
  /** Resolves when the connection of this request is gone. */
  readonly closed: Promise<unknown>;
}

export type Answer = (arrival: Arrival) => void | Promise<void>;

/** An HTTP server on loopback that records all that arrives. */
export interface TestUpstream {
  readonly base: string;
  readonly arrivals: Arrival[];
  /** How requests are answered from now on. */
  answer: Answer;
}

export const COMPLETION = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' } }],
};

export async function openUpstream(answer: Answer = answerJson): Promise<TestUpstream> {
  const arrivals: Arrival[] = [];
  const upstream = { base: '', arrivals, answer };
  const server = createServer((request, response) => {
    const closed = once(response, 'close');
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const body = Buffer.concat(chunks).toString();
      const arrival = { method, url, headers, body, response, closed };
      arrivals.push(arrival);
      void upstream.answer(arrival);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  upstream.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return upstream;
}

export function answerJson({ response }: Arrival): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(COMPLETION));
}

/** Starts a stream of server-sent events; the test sends them. */
export function answerEvents({ response }: Arrival): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(event('first'));
}

export function event(content: string): string {
  return `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
}
