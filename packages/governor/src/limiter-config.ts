import { z } from 'zod';

/** The defaults of `limiter`. Units are in the names. */
export const LIMITER_DEFAULTS = Object.freeze({
  /** Keys (such as tenant, tool, action) the limiter holds: about 100 MB when every key is in use. */
  limiterMaxKeys: 100_000,
  /** Longest wait for the store before `failMode` applies. */
  limiterRedisTimeoutMs: 250,
  /** What the keys in the store begin with. */
  limiterRedisPrefix: 'cortex:limit:',
});

const D = LIMITER_DEFAULTS;

const redis = z
  .strictObject({
    url: z
      .url({ protocol: /^rediss?$/ })
      .optional()
      .describe('Such as redis://127.0.0.1:6379; rediss for TLS.'),
    urlEnv: z
      .string()
      .min(1)
      .optional()
      .describe('Environment variable with the URL, for one that holds a password.'),
    nodes: z
      .array(z.url({ protocol: /^rediss?$/ }))
      .min(1)
      .max(64)
      .optional()
      .describe('URLs of some nodes of a cluster.'),
    failMode: z
      .enum(['closed', 'open', 'local'])
      .default('closed')
      .describe('Without the store: deny, admit uncounted, or admit a share of each limit.'),
    localShare: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe('Share of each limit with `failMode: local`: one over the number of processes.'),
    timeoutMs: z
      .int()
      .min(10)
      .max(60_000)
      .default(D.limiterRedisTimeoutMs)
      .describe('Longest wait for the store.'),
    prefix: z
      .string()
      .regex(/^[\w:.-]{1,64}$/)
      .default(D.limiterRedisPrefix)
      .describe('Begins every key in the store.'),
  })
  .refine(
    ({ url, urlEnv, nodes }) =>
      [url, urlEnv, nodes].filter((address) => address !== undefined).length === 1,
    { message: 'give url, urlEnv or nodes, one of them' },
  )
  .refine(({ failMode, localShare }) => (failMode === 'local') === (localShare !== undefined), {
    path: ['localShare'],
    message: 'goes with `failMode: local`, and only with it',
  })
  .optional()
  .describe('Limits across processes, in Redis or Valkey; in this process alone unless given.');

export const limiterConfig = z
  .strictObject({
    maxKeys: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(D.limiterMaxKeys)
      .describe('Keys held at most.'),
    redis,
  })
  .prefault({})
  .describe('The rate limiter.');
