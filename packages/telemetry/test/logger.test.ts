import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { GovernanceError } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../src/index.ts';

const clock = { monotonicMs: () => 0, wallMs: () => 1_767_225_600_123 };

/** A logger, and every line it has written. */
function recorded(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  return { logger: createLogger({ level: 'debug', destination, clock, ...options }), lines };
}

function fieldsOf(fields: Record<string, unknown>, options: LoggerOptions = {}): never {
  const { logger, lines } = recorded(options);
  logger.info('TEST', fields);
  expect(lines).toHaveLength(1);
  const { level: _, time: __, brand: ___, event: ____, ...rest } = JSON.parse(lines[0] ?? '');
  return rest as never;
}

describe('a line', () => {
  it('carries level, time, brand, fields and event', () => {
    const { logger, lines } = recorded();
    logger.info('POLICY_UPDATED', { file: 'a.json', epoch: 2 });
    expect(lines).toEqual([
      '{"level":"info","time":"2026-01-01T00:00:00.123Z","brand":"brAInwav","file":"a.json","epoch":2,"event":"POLICY_UPDATED"}\n',
    ]);
  });

  it('has the label of its level, and is written only at or above the level', () => {
    const levels = ['debug', 'info', 'warn', 'error'] as const;
    for (const [i, level] of [...levels, 'silent' as const].entries()) {
      const { logger, lines } = recorded({ level });
      for (const method of levels) logger[method]('TEST');
      expect(lines.map((line) => JSON.parse(line).level)).toEqual(levels.slice(i));
      expect(logger.dropped).toBe(0);
    }
  });

  it('is of level info or above by default', () => {
    const lines: string[] = [];
    const logger = createLogger({ destination: { write: (line: string) => lines.push(line) } });
    logger.debug('TEST');
    logger.info('TEST');
    expect(lines).toHaveLength(1);
    expect(Date.parse(JSON.parse(lines[0] ?? '').time)).toBeGreaterThan(clock.wallMs());
  });

  it('keeps its own members when fields have the same names', () => {
    const fields = { level: 'x', time: 'x', brand: 'x', event: 'x', msg: 'x', pid: 1 };
    const { logger, lines } = recorded();
    logger.warn('TEST', fields);
    const [line = ''] = lines;
    for (const name of ['level', 'time', 'brand', 'event']) {
      expect(line.split(`"${name}":`)).toHaveLength(2);
    }
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      brand: 'brAInwav',
      event: 'TEST',
      level_: 'x',
      msg: 'x',
      pid: 1,
    });
  });

  it('does not format its event', () => {
    const { logger, lines } = recorded();
    logger.info('100%s %j %o', { a: 1 });
    expect(JSON.parse(lines[0] ?? '').event).toBe('100%s %j %o');
  });

  it('is one line of JSON, without characters that a terminal obeys, whatever it is given', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      maxDepth: 3,
      maxKeys: 5,
    });
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.dictionary(fc.string(), anything),
        (event, fields) => {
          const { logger, lines } = recorded();
          logger.info(event, fields);
          expect(lines).toHaveLength(1);
          const [line = ''] = lines;
          expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
          expect(line.endsWith('\n')).toBe(true);
          expect(JSON.parse(line)).toMatchObject({ level: 'info', brand: 'brAInwav' });
          expect(logger.dropped).toBe(0);
        },
      ),
    );
  });

  it('escapes without loss', () => {
    const value = '\u001b[31m\u009b31m\u202e\u2028\u007f"\\\ud800';
    const { logger, lines } = recorded();
    logger.info('TEST', { value });
    expect(lines[0]).toContain('\\u009b31m\\u202e\\u2028\\u007f');
    expect(JSON.parse(lines[0] ?? '').value).toBe(value);
  });
});

describe('secrets', () => {
  const SECRET = 's3cr3t-value';

  it.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'token',
    'access_token',
    'refreshToken',
    'ID-Token',
    'password',
    'userPassword',
    'passwd',
    'passphrase',
    'secret',
    'client_secret',
    'cookie',
    'set-cookie',
    'apiKey',
    'api_key',
    'x-api-key',
    'API KEY',
    'key',
    'privateKey',
    'signing-key',
    'credentials',
    'jwt',
    'bearer',
    'session',
    'sessionId',
    'otp',
    'pin',
    'auth',
  ])('are not written under the name %s, at any depth', (name) => {
    for (const value of [SECRET, { inner: SECRET }, [SECRET], 0xabcdef]) {
      const fields = { [name]: value, a: [{ b: { [name]: value } }] };
      const line = JSON.stringify(fieldsOf(fields));
      expect(line).not.toContain(SECRET);
      expect(line).not.toContain(String(0xabcdef));
      expect(line.split('[redacted]')).toHaveLength(3);
    }
  });

  it('can be given further names', () => {
    const fields = { ssn: SECRET, 'S-S-N': SECRET, ssnHash: 'x' };
    expect(fieldsOf(fields, { redact: ['SSN'] })).toEqual({
      ssn: '[redacted]',
      'S-S-N': '[redacted]',
      ssnHash: 'x',
    });
  });

  it('do not include what only sounds like one', () => {
    const fields = {
      maxTokens: 100,
      tokenCount: 5,
      keyId: 'k1',
      monkey: 'banana',
      tenant: 'acme',
      policyHash: 'abc',
      author: 'me',
    };
    expect(fieldsOf(fields)).toEqual(fields);
  });

  it.each([
    ['Authorization: Bearer abc.def-123~x/y+z==', 'Authorization: Bearer [redacted]'],
    ['basic dXNlcjpwYXNz and more', 'basic [redacted] and more'],
    ['redis://user:pa%40ss@host:6379/0', 'redis://[redacted]@host:6379/0'],
    ['https://host/a@b?c=d@e', 'https://host/a@b?c=d@e'],
    ['got eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln!', 'got [redacted]!'],
    ['-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nrest', '[redacted]\nrest'],
    ['-----BEGIN EC PRIVATE KEY-----\nMII', '[redacted]'],
  ])('are not written when their shape gives them away: %s', (value, clean) => {
    expect(fieldsOf({ value })).toEqual({ value: clean });
    expect(fieldsOf({ error: new Error(value) })).toMatchObject({ error: { message: clean } });
    const { logger, lines } = recorded();
    logger.info(value);
    expect(JSON.parse(lines[0] ?? '').event).toBe(clean);
  });

  it('are not written when a text is cut within one', () => {
    const value = `${'x'.repeat(8180)} Bearer ${'s'.repeat(100)}`;
    expect(JSON.stringify(fieldsOf({ value }))).not.toContain('ss');
  });

  it('stay in the object that was logged', () => {
    const fields = Object.freeze({ token: SECRET, inner: Object.freeze({ password: SECRET }) });
    fieldsOf(fields);
    expect(fields).toEqual({ token: SECRET, inner: { password: SECRET } });
  });
});

describe('errors', () => {
  it('are written with code, details and cause', () => {
    const cause = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const error = new GovernanceError(
      'EVIDENCE_WRITE_FAILED',
      { file: 'log', problem: 'disk full' },
      { cause },
    );
    expect(fieldsOf({ error })).toEqual({
      error: {
        type: 'GovernanceError',
        message: 'log: disk full',
        code: 'EVIDENCE_WRITE_FAILED',
        httpStatus: 500,
        details: { file: 'log', problem: 'disk full' },
        cause: {
          type: 'Error',
          message: 'no space left',
          code: 'ENOSPC',
          stack: expect.stringContaining('no space left'),
        },
        stack: expect.stringContaining('logger.test.ts'),
      },
    });
  });

  it('are written when they are many, or their own cause', () => {
    const error = new AggregateError([new Error('one'), new TypeError('two')], 'many');
    error.cause = error;
    expect(fieldsOf({ error })).toMatchObject({
      error: {
        type: 'AggregateError',
        cause: '[circular]',
        errors: [{ message: 'one' }, { type: 'TypeError' }],
      },
    });
  });
});

describe('fields that are out of bounds', () => {
  it('are cut in depth, number and length', () => {
    let deep: unknown = 'bottom';
    for (let i = 0; i < 1000; i += 1) deep = i % 2 === 0 ? { deep } : [deep];
    const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`m${i}`, i]));
    const branching: unknown[] = [];
    let level: unknown = 'leaf';
    for (let i = 0; i < 7; i += 1) level = Array.from({ length: 100 }, () => level);
    branching.push(level);
    for (const value of [deep, wide, branching, 'x'.repeat(5_000_000), new Array(1e7)]) {
      const { logger, lines } = recorded();
      logger.info('TEST', { value });
      expect(lines[0]?.length).toBeLessThan(20_000);
      expect(JSON.parse(lines[0] ?? '')).toHaveProperty('value');
    }
    expect(fieldsOf({ value: 'x'.repeat(10_000) })).toEqual({
      value: `${'x'.repeat(8192)}… (10000 characters)`,
    });
  });

  it('are named below the deepest level', () => {
    const nest = (levels: number, leaf: unknown): object =>
      levels === 1 ? { a: leaf } : { a: nest(levels - 1, leaf) };
    expect(fieldsOf(nest(8, 'leaf') as never)).toEqual(nest(8, 'leaf'));
    expect(fieldsOf(nest(8, { b: 1 }) as never)).toEqual(nest(8, '[object]'));
    expect(fieldsOf(nest(8, [1]) as never)).toEqual(nest(8, '[array]'));
  });

  it('are written in full up to the bounds', () => {
    const list = Array.from({ length: 499 }, (_, i) => i);
    expect(fieldsOf({ list })).toEqual({ list });
    expect(fieldsOf({ list: [...list, 499] })).toEqual({ list: [...list, '[more]'] });
  });

  it('are named when they are no data', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const shared = { a: 1 };
    const fields = {
      circular,
      shared: [shared, shared],
      map: new Map([[SecretKey, 1]]),
      set: new Set([1, 2]),
      bytes: Buffer.from('secret'),
      call: () => {},
      symbol: Symbol('x'),
      big: 12n,
      nan: Number.NaN,
      date: new Date(0),
      noDate: new Date(Number.NaN),
      nothing: undefined,
      null: null,
    };
    expect(fieldsOf(fields)).toEqual({
      circular: { self: '[circular]' },
      shared: [{ a: 1 }, { a: 1 }],
      map: '[Map of 1]',
      set: '[Set of 2]',
      bytes: '[6 bytes]',
      call: '[function]',
      symbol: '[symbol]',
      big: '12',
      nan: 'NaN',
      date: '1970-01-01T00:00:00.000Z',
      noDate: 'Invalid Date',
      null: null,
    });
  });

  it('do not cost the line when they throw, and never run code of toJSON', () => {
    const hostile = {
      get broken(): never {
        throw new Error('getter');
      },
    };
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('proxy');
        },
      },
    );
    const toJSON = () => 'token';
    expect(fieldsOf({ hostile, proxy, json: { toJSON, a: 1 } })).toEqual({
      hostile: '[unreadable]',
      proxy: '[unreadable]',
      json: { toJSON: '[function]', a: 1 },
    });
  });

  it('do not reach a prototype', () => {
    const fields = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}}}');
    const line = fieldsOf(fields) as Record<string, unknown>;
    expect(Object.keys(line)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('are taken for none when they are no object', () => {
    for (const fields of [undefined, null, 'text', 7, () => {}]) {
      expect(fieldsOf(fields as never)).toEqual({});
    }
  });
});

const SecretKey = 'token';

describe('a destination', () => {
  it('that throws loses the line, counted, and not the caller', () => {
    const logger = createLogger({
      destination: {
        write: () => {
          throw new Error('full');
        },
      },
    });
    for (let i = 0; i < 3; i += 1) logger.error('TEST');
    expect(logger.dropped).toBe(3);
  });

  it('that fails later is no uncaught error', async () => {
    const destination = new Writable({
      write: (_chunk, _encoding, done) => done(new Error('broken')),
    });
    const logger = createLogger({ destination });
    const failed = once(destination, 'error').catch((error: unknown) => [error]);
    logger.info('TEST');
    await failed;
    expect(logger.dropped).toBe(1);
    await logger.close();
  });

  it('is left open at the end, when what waited is written', async () => {
    const destination = new PassThrough({ highWaterMark: 16 });
    const logger = createLogger({ destination });
    for (let i = 0; i < 50; i += 1) logger.info('TEST', { i });
    let closed = false;
    const closing = logger.close().then(() => {
      closed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    const lines: string[] = [];
    destination.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    await closing;
    expect(lines.join('').split('\n').filter(Boolean)).toHaveLength(50);
    expect(destination.writableEnded).toBe(false);
    logger.info('LATER');
    expect(logger.dropped).toBe(1);
    await logger.close();
  });

  it('gets a line even when the clock tells no time', () => {
    const { logger, lines } = recorded({ clock: { ...clock, wallMs: () => Number.NaN } });
    logger.info('TEST');
    expect(Date.parse(JSON.parse(lines[0] ?? '').time)).toBeGreaterThan(clock.wallMs());
  });

  it('counts the line whose fields cannot even be looked at', () => {
    const { logger, lines } = recorded();
    logger.info({ toString: () => lines.map(Number).at(0)?.toFixed() } as never);
    logger.info(Object.create(null) as never);
    expect(logger.dropped + lines.length).toBe(2);
    expect(logger.dropped).toBeGreaterThan(0);
  });
});

describe('options', () => {
  it.each([
    { level: 'trace' },
    { level: 7 },
    { destination: {} },
    { destination: 'stderr' },
    { sync: 'yes' },
    { redact: [''] },
    { clock: {} },
    { brand: 'x' },
  ])('refuses %j', (options) => {
    expect(() => createLogger(options as never)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });
});

/** A child has to start first, on a machine that may be busy; in milliseconds. */
const CHILD_TIMEOUT_MS = 60_000;

describe('standard error', { timeout: CHILD_TIMEOUT_MS }, () => {
  const child = new URL('./children/log-lines.ts', import.meta.url);

  function start(sync: string, lines: number, env: Record<string, string> = {}) {
    const args = ['--conditions=@cortex-governance/source', '--import', 'tsx', child.pathname];
    return spawn(process.execPath, [...args, sync, String(lines)], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  it.each(['sync', 'async'])('takes every line, and standard output none: %s', async (sync) => {
    const running = start(sync, 2000);
    const [out, err, [code]] = await Promise.all([
      text(running.stdout),
      text(running.stderr),
      once(running, 'close'),
    ]);
    const lines = err.split('\n').filter(Boolean);
    expect(lines.map((line) => JSON.parse(line).i)).toEqual(
      Array.from({ length: 2000 }, (_, i) => i),
    );
    // The line after the close is the one that is dropped.
    expect(out).toBe('dropped 1\n');
    expect(code).toBe(0);
  });

  it.each(['sync', 'async'])(
    'may go away: the lines are counted, the process goes on: %s',
    async (sync) => {
      const running = start(sync, 500, { WAIT: '1' });
      running.stderr.destroy();
      running.stdin.write('go\n');
      const [out, [code]] = await Promise.all([text(running.stdout), once(running, 'close')]);
      const dropped = Number(/dropped (\d+)/.exec(out)?.[1]);
      expect(dropped).toBeGreaterThan(sync === 'sync' ? 499 : 1);
      expect(code).toBe(0);
    },
  );
});
