import { afterEach, beforeEach } from 'vitest';

/*
 * A test fails when anything writes to the console or to the process streams: libraries report
 * through their logger, and a stray line hides a real warning. A test that expects output replaces
 * the method itself (`vi.spyOn(console, 'error').mockImplementation(…)`).
 */

const METHODS = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;
const STREAMS = ['stdout', 'stderr'] as const;

let seen: string[] = [];
let restore: (() => void)[] = [];

function replace<T extends object, K extends keyof T>(target: T, key: K, value: T[K]): void {
  const original = target[key];
  target[key] = value;
  restore.push(() => {
    target[key] = original;
  });
}

beforeEach(() => {
  seen = [];
  for (const method of METHODS) {
    replace(console, method, (...values: unknown[]) => {
      seen.push(`console.${method}: ${values.map(String).join(' ')}`);
    });
  }
  for (const stream of STREAMS) {
    const original = process[stream].write.bind(process[stream]) as typeof process.stdout.write;
    const record = (chunk: string | Uint8Array, ...rest: []): boolean => {
      seen.push(`process.${stream}: ${typeof chunk === 'string' ? chunk : Buffer.from(chunk)}`);
      return original(chunk, ...rest);
    };
    replace(process[stream], 'write', record as typeof process.stdout.write);
  }
});

afterEach(() => {
  for (const undo of restore.reverse()) undo();
  restore = [];
  if (seen.length > 0) throw new Error(`The test wrote output:\n${seen.join('\n')}`);
});
