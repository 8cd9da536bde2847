import { LIMITER_FULL, type LimitRule, toolCall } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { createRateLimiter } from '../src/index.ts';
import { readmeExample } from './readme-example.ts';

function example(): string[] {
  const log: string[] = [];
  // #region example
  const limiter = createRateLimiter({ maxKeys: 50_000 });
  const by = ['tenant', 'tool', 'action'] as const;
  const rule: LimitRule = {
    tool: 'model-gateway',
    action: 'chat',
    shadow: false,
    limits: [
      { kind: 'gcra', by, limit: 600, windowMs: 60_000, burst: 20 },
      { kind: 'concurrency', by, limit: 8, leaseMs: 120_000 },
      {
        kind: 'budget',
        by: ['tenant'],
        unit: 'tokens',
        limit: 100_000,
        windowMs: 3_600_000,
        perCall: 2000,
      },
    ],
  };
  const request = toolCall({
    tenant: 'acme',
    agent: 'writer',
    tool: 'model-gateway',
    action: 'chat',
    args: { max_tokens: 1500 },
  });

  const waitMs = limiter.take(rule, request, 'verdict-1', performance.now());
  if (waitMs === 0) log.push('admitted');
  else if (waitMs === LIMITER_FULL) log.push('no room for another key');
  else log.push(`try again in ${waitMs} ms`);

  // The call ran: its place is free, and 900 of the 1500 tokens it had reserved come back.
  limiter.settle('verdict-1', { tokens: 600 }, performance.now());
  for (const { name, remaining } of limiter.inspect(rule, request, performance.now())) {
    log.push(`${name}: ${remaining} left`);
  }
  // #endregion
  return log;
}

describe('README', () => {
  it('shows the example that runs here', async () => {
    const { readme, code } = await readmeExample(import.meta.url);
    expect(readme).toContain(code);
    expect(example()).toEqual([
      'admitted',
      'calls-60: 19 left',
      'concurrency: 8 left',
      'tokens-3600: 99400 left',
    ]);
  });
});
