import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';

/** A transport whose other end is the test: it keeps what is sent and delivers what the test injects. */
export class RecordingTransport implements Transport {
  readonly sent: JSONRPCMessage[] = [];
  started = false;
  closed = false;
  /** When set, sends wait for it. */
  blocked: Promise<void> | null = null;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T) => void;

  async start(): Promise<void> {
    this.started = true;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.sent.push(message);
    if (this.blocked !== null) await this.blocked;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.onclose?.();
  }

  /** Delivers anything at all, as if it had come from the other end. */
  inject(message: unknown): void {
    this.onmessage?.(message as JSONRPCMessage);
  }

  /** What was sent in answer to a request. */
  answers(id: string | number): readonly unknown[] {
    return this.sent.filter((message) => 'id' in message && message.id === id);
  }

  /** What was sent with this method. */
  withMethod(method: string): readonly JSONRPCMessage[] {
    return this.sent.filter((message) => 'method' in message && message.method === method);
  }
}
