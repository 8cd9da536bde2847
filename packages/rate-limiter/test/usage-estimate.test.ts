import type { BudgetLimit, DecisionRequest } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateUnits } from '../src/index.ts';
import { requestOf, tokens } from './limit-samples.ts';

const TOKENS = tokens(1e6, 1000, 777);
const COST: BudgetLimit = { ...TOKENS, unit: 'cost' };

function calling(properties: unknown, estimate?: unknown): DecisionRequest {
  return {
    ...requestOf('t'),
    action: { name: 'chat', properties: properties as never },
    ...(estimate === undefined ? {} : { context: { estimate } as never }),
  };
}

describe('tokens', () => {
  it.each([
    ['max_tokens', { max_tokens: 40 }],
    ['max_completion_tokens', { max_completion_tokens: 40 }],
    ['max_output_tokens', { max_output_tokens: 40 }],
    ['max_tokens_to_sample', { max_tokens_to_sample: 40 }],
    ['maxTokens in inferenceConfig', { inferenceConfig: { maxTokens: 40 } }],
    ['maxOutputTokens in generationConfig', { generationConfig: { maxOutputTokens: 40 } }],
    ['max_new_tokens in parameters', { parameters: { max_new_tokens: 40 } }],
    ['num_predict in options', { options: { num_predict: 40 } }],
    [
      'the largest of several',
      { max_tokens: 1, max_completion_tokens: 40, x: [{ num_predict: 3 }] },
    ],
    ['a larger one of another name beside it', { max_tokens: 1, max_gen_len: 40 }],
    ['a larger one in another place beside it', { max_tokens: 1, x: { max_tokens: 40 } }],
  ])('takes %s for the bound', (_, properties) => {
    expect(estimateUnits(TOKENS, calling(properties))).toBe(40);
  });

  it.each([
    ['a name that no server goes by', { max_input_tokens: 1 }],
    ['maxTokenCount', { maxTokenCount: 1 }],
    ['max_gen_len', { max_gen_len: 1 }],
    ['max_length', { max_length: 1 }],
    ['output_token_limit', { output_token_limit: 1 }],
    ['budget_tokens', { thinking: { budget_tokens: 1 } }],
    ['a name in other letters', { 'Max-Completion.Tokens': 1 }],
    ['a cap in content', { messages: [{ content: 'x', max_tokens: 1 }] }],
    ['a cap in another place', { metadata: { max_tokens: 1 } }],
    ['a cap too deep in a place', { options: { options: { num_predict: 1 } } }],
    ['a cap in a list', { parameters: [{ max_new_tokens: 1 }] }],
    ['zero', { max_tokens: 0 }],
    ['half a token', { max_tokens: 0.5 }],
  ])('lets %s lower nothing', (_, properties) => {
    expect(estimateUnits(TOKENS, calling(properties))).toBe(777);
  });

  it.each([
    ['a name that no server goes by', { max_input_tokens: 900 }],
    ['a name in other letters', { 'Max-Completion.Tokens': 900 }],
    ['a cap in content', { max_tokens: 1, messages: [{ max_tokens: 900 }] }],
    ['text that a server may convert', { max_tokens: '900' }],
    ['such text beside a number', { max_tokens: 1, max_completion_tokens: '900' }],
  ])('lets %s raise', (_, properties) => {
    expect(estimateUnits(TOKENS, calling(properties))).toBe(900);
  });

  it.each([
    ['nothing', undefined],
    ['no cap', { model: 'x', prompt: 'max_tokens' }],
    ['a cap of null', { max_tokens: null }],
    ['a cap that is text', { max_tokens: '5' }],
    ['a cap that is negative', { max_tokens: -5 }],
    ['a cap that is no number', { max_tokens: Number.NaN }],
    ['a cap that is infinite', { max_tokens: Number.POSITIVE_INFINITY }],
    ['a small cap beside one that is text', { max_tokens: 1, max_completion_tokens: '30' }],
    ['a small cap beside one that is null', { max_tokens: 1, max_length: null }],
  ])('assumes what is configured for %s', (_, properties) => {
    expect(estimateUnits(TOKENS, calling(properties))).toBe(777);
  });

  it('multiplies by the answers that are wanted', () => {
    for (const name of ['n', 'best_of', 'num_return_sequences', 'candidateCount']) {
      expect(estimateUnits(TOKENS, calling({ max_tokens: 40, [name]: 5 })), name).toBe(200);
    }
    expect(estimateUnits(TOKENS, calling({ max_tokens: 40, n: 0 }))).toBe(40);
    expect(estimateUnits(TOKENS, calling({ n: 3 }))).toBe(3 * 777);
    expect(estimateUnits(TOKENS, calling({ max_tokens: 40, n: '5' }))).toBe(200);
    expect(estimateUnits(TOKENS, calling({ max_tokens: 40, n: 1e9 }))).toBe(40e9);
    expect(estimateUnits(TOKENS, calling({ max_tokens: 40, n: 1e300 }))).toBe(2 ** 52);
  });

  it('takes the larger of the enforcer’s estimate and the caps', () => {
    expect(estimateUnits(TOKENS, calling({ max_tokens: 40 }, { tokens: 100 }))).toBe(100);
    expect(estimateUnits(TOKENS, calling({ max_tokens: 400 }, { tokens: 100 }))).toBe(400);
    expect(estimateUnits(TOKENS, calling({}, { tokens: 100 }))).toBe(100);
    expect(estimateUnits(TOKENS, calling({}, { tokens: 99.1 }))).toBe(100);
    expect(estimateUnits(TOKENS, calling({}, { caps: { max_tokens: 50 } }))).toBe(50);
    expect(estimateUnits(TOKENS, calling({ max_tokens: 40 }, { tokens: 'x' }))).toBe(777);
    expect(estimateUnits(TOKENS, calling({ max_tokens: 40 }, { tokens: -1 }))).toBe(777);
  });

  it('assumes at least what is configured when there is too much to look at', () => {
    const wide = Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`m${i}`, i]));
    expect(estimateUnits(TOKENS, calling({ max_tokens: 1, wide }))).toBe(777);
    let deep: unknown = { max_tokens: 5000 };
    for (let i = 0; i < 100; i++) deep = { deep };
    expect(estimateUnits(TOKENS, calling({ max_tokens: 1, deep }))).toBe(777);
    const ring: Record<string, unknown> = { max_tokens: 1 };
    ring['self'] = ring;
    expect(estimateUnits(TOKENS, calling(ring))).toBe(777);
  });

  it('does not fail over a hostile request', () => {
    const thrower = {
      get max_tokens(): number {
        throw new Error('hostile');
      },
    };
    expect(estimateUnits(TOKENS, calling(thrower))).toBe(777);
    expect(estimateUnits(TOKENS, calling({}, thrower))).toBe(777);
  });

  it('is a whole number from 0 to 2^52, and never below a cap, for any request', () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 4 }), fc.nat(1e9), fc.anything(), (body, cap, estimate) => {
        const request = calling({ ...body, nested: [{ max_tokens: cap }] }, { tokens: estimate });
        const units = estimateUnits(TOKENS, request);
        expect(Number.isInteger(units)).toBe(true);
        expect(units).toBeLessThanOrEqual(2 ** 52);
        expect(units).toBeGreaterThanOrEqual(cap);
      }),
    );
  });
});

describe('cost and calls', () => {
  it('takes the cost that the enforcer states, rounded up, and never one of the caller', () => {
    expect(estimateUnits(COST, calling({ cost: 1 }, { cost: 20.1 }))).toBe(21);
    expect(estimateUnits(COST, calling({ cost: 1 }))).toBe(777);
    expect(estimateUnits(COST, calling({}, { cost: -1 }))).toBe(777);
    expect(estimateUnits(COST, calling({}, { cost: Number.NaN }))).toBe(777);
    expect(estimateUnits(COST, calling({}, { cost: 1e300 }))).toBe(2 ** 52);
  });

  it('counts a call as one', () => {
    expect(estimateUnits({ ...TOKENS, unit: 'calls' }, calling({ max_tokens: 5 }))).toBe(1);
  });
});
