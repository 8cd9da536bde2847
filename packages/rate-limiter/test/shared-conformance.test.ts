import type { RateLimiter } from '@cortex-governance/core';
import { describeRateLimiter } from '@cortex-governance/testkit';
import { createSharedLimiterMemory, openSharedLimiter } from '../src/index.ts';

/*
 * Shared time begins with the memory and is believed for two years. The suite also begins at times at which a process
 * would have run for centuries: there, the first time that a limiter is told becomes the beginning.
 */
function fromFirstTime(limiter: RateLimiter): RateLimiter {
  let originMs = Number.NaN;
  const sharedMs = (nowMs: number): number => {
    if (Number.isNaN(originMs)) originMs = nowMs > 2 ** 35 ? nowMs : 0;
    return nowMs - originMs;
  };
  return {
    prepare: null,
    notice: limiter.notice,
    take: (rule, request, id, nowMs) => limiter.take(rule, request, id, sharedMs(nowMs)),
    settle: (id, usage, nowMs) => limiter.settle(id, usage, sharedMs(nowMs)),
    cancel: (id, nowMs) => limiter.cancel(id, sharedMs(nowMs)),
    reservedBy: (id) => limiter.reservedBy(id),
    inspect: (rule, request, nowMs) => limiter.inspect(rule, request, sharedMs(nowMs)),
    size: () => limiter.size(),
    close: () => limiter.close(),
  };
}

describeRateLimiter('openSharedLimiter', () =>
  fromFirstTime(
    openSharedLimiter(createSharedLimiterMemory({ maxKeys: 200, maxBytes: 4_194_304 }), {
      clockOffsetMs: 0,
    }),
  ),
);
