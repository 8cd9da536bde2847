import type { RateLimiter } from '@cortex-governance/core';
import { afterEach, describe } from 'vitest';
import { describeBudgetCases } from './rate-limiter-budget-cases.ts';
import { describeCallIdCases } from './rate-limiter-call-id-cases.ts';
import { describeChangeCases } from './rate-limiter-change-cases.ts';
import { describeCombinationCases } from './rate-limiter-combination-cases.ts';
import { describeConcurrencyCases } from './rate-limiter-concurrency-cases.ts';
import { describeDefinitionCases } from './rate-limiter-definition-cases.ts';
import {
  LimiterProbe,
  type RateLimiterSuite,
  type RateLimiterTraits,
} from './rate-limiter-fixture.ts';
import { describeGcraCases } from './rate-limiter-gcra-cases.ts';
import { describeInterleavingCases } from './rate-limiter-interleaving-cases.ts';
import { describeKeyCases } from './rate-limiter-key-cases.ts';
import { describeTimeCases } from './rate-limiter-time-cases.ts';
import { describeWindowCases } from './rate-limiter-window-cases.ts';

const EXACT: Required<RateLimiterTraits> = {
  exact: true,
  ownTime: true,
  freedLate: 1 / 60,
  runs: 100,
};

/**
 * What every `RateLimiter` must do. Runs inside a test file: call it at the top level.
 * @param create makes an empty limiter with room for at least 100 keys; it is closed after its case.
 * @param traits what the limiter may do otherwise than count exactly in its own process.
 */
export function describeRateLimiter(
  name: string,
  create: () => RateLimiter | Promise<RateLimiter>,
  traits: RateLimiterTraits = {},
): void {
  const opened: RateLimiter[] = [];
  const suite: RateLimiterSuite = {
    traits: { ...EXACT, ...traits },
    open: async () => {
      const limiter = await create();
      opened.push(limiter);
      return new LimiterProbe(limiter);
    },
  };
  describe(`${name} is a RateLimiter`, () => {
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((limiter) => limiter.close()));
    });
    describe('windows', () => describeWindowCases(suite));
    describe('steady rates', () => describeGcraCases(suite));
    describe('concurrency', () => describeConcurrencyCases(suite));
    describe('budgets', () => describeBudgetCases(suite));
    describe('several limits', () => describeCombinationCases(suite));
    describe('keys', () => describeKeyCases(suite));
    describe('call ids', () => describeCallIdCases(suite));
    describe('rules that change', () => describeChangeCases(suite));
    if (suite.traits.ownTime) {
      describe('time', () => describeTimeCases(suite));
      describe('any interleaving', () => describeInterleavingCases(suite));
    }
    if (suite.traits.exact && suite.traits.ownTime) {
      describe('the definition', () => describeDefinitionCases(suite));
    }
  });
}
