import { connect, type Socket } from 'node:net';
import { atEnd } from './workspace.ts';

/** A bare TCP connection to a server, and all that came back on it. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far. */
  received(): string;
  /** Resolves when the other side has closed the connection. */
  readonly closed: Promise<void>;
}

/** Connects; the connection is destroyed at the end of the test. */
export async function openRaw(port: number): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1');
  atEnd(async () => socket.destroy());
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  // A reset is one of the ways in which the other side closes.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return { socket, received: () => text, closed };
}

/** Sends a text, then waits for the other side to close; resolves with what came back. */
export async function exchangeRaw(port: number, text: string): Promise<string> {
  const raw = await openRaw(port);
  raw.socket.write(text, 'latin1');
  await raw.closed;
  return raw.received();
}
