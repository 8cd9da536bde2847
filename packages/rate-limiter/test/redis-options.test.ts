import { GovernanceError } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import {
  createRedisLimiter,
  DEFAULT_CONNECT_TIMEOUT_MS,
  DEFAULT_FAIL_MODE,
  DEFAULT_KEY_PREFIX,
  DEFAULT_REDIS_MAX_KEYS,
  DEFAULT_TIMEOUT_MS,
  type RedisConnection,
  type RedisLimiterOptions,
} from '../src/index.ts';
import { call, requestOf, ruleOf, windowOf } from './redis/support.ts';

const URL_TEXT = 'redis://127.0.0.1:6379';

async function problemOf(options: unknown): Promise<string> {
  try {
    await createRedisLimiter(options as RedisLimiterOptions);
  } catch (error) {
    if (error instanceof GovernanceError) return `${error.code} ${error.message}`;
  }
  throw new Error('no GovernanceError');
}

describe('options of createRedisLimiter', () => {
  it('has the documented defaults', () => {
    expect([
      DEFAULT_FAIL_MODE,
      DEFAULT_TIMEOUT_MS,
      DEFAULT_CONNECT_TIMEOUT_MS,
      DEFAULT_KEY_PREFIX,
      DEFAULT_REDIS_MAX_KEYS,
    ]).toEqual(['closed', 250, 1000, 'cortex:limit:', 100_000]);
  });

  it.each([
    ['nothing', undefined, 'exactly one of url, nodes and connection'],
    ['no place', {}, 'exactly one of url, nodes and connection'],
    ['two places', { url: URL_TEXT, nodes: [URL_TEXT] }, 'exactly one of'],
    ['no URL', { url: 'localhost:6379' }, 'options).url'],
    ['another scheme', { url: 'http://127.0.0.1' }, 'options).url'],
    ['no nodes', { nodes: [] }, 'options).nodes'],
    ['a node that is no URL', { nodes: [URL_TEXT, 'x'] }, 'options).nodes.1'],
    ['half a connection', { connection: { evalScript: () => {} } }, 'options).connection'],
    ['an unknown mode', { url: URL_TEXT, failMode: 'maybe' }, 'options).failMode'],
    ['local without a share', { url: URL_TEXT, failMode: 'local' }, 'localShare'],
    ['a share without local', { url: URL_TEXT, localShare: 0.5 }, 'localShare'],
    ['a share of 0', { url: URL_TEXT, failMode: 'local', localShare: 0 }, 'localShare'],
    ['a share above 1', { url: URL_TEXT, failMode: 'local', localShare: 1.1 }, 'localShare'],
    [
      'a share that is no number',
      { url: URL_TEXT, failMode: 'local', localShare: NaN },
      'localShare',
    ],
    ['no time', { url: URL_TEXT, timeoutMs: 0 }, 'options).timeoutMs'],
    ['too much time', { url: URL_TEXT, connectTimeoutMs: 60_001 }, 'options).connectTimeoutMs'],
    ['braces', { url: URL_TEXT, prefix: 'a{b}:' }, 'must not hold braces'],
    ['an unknown member', { url: URL_TEXT, failmode: 'open' }, 'failmode'],
    ['no clock', { url: URL_TEXT, clock: {} }, 'options).clock'],
    ['no logger', { url: URL_TEXT, logger: 1 }, 'options).logger'],
  ])('refuses %s', async (_name, options, problem) => {
    const message = await problemOf(options);
    expect(message).toContain('OPTIONS_INVALID');
    expect(message).toContain(problem);
  });

  it('never shows a password in what it says', async () => {
    const message = await problemOf({ url: 'rediss://user:secret@host:99999' });
    expect(message).not.toContain('secret');
  });

  it('closes a connection of your own once', async () => {
    let closed = 0;
    const connection: RedisConnection = {
      evalScript: async () => 'ready',
      close: async () => {
        closed += 1;
      },
    };
    const limiter = await createRedisLimiter({ connection });
    await Promise.all([limiter.close(), limiter.close()]);
    expect(closed).toBe(1);
    expect(await call(limiter, ruleOf(windowOf(1, 1000)), requestOf('t'))).toBeLessThan(0);
  });
});
