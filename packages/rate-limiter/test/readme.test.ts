import { readFile } from 'node:fs/promises';
import { LIMITER_FULL } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { createRateLimiter } from '../src/index.ts';

function example(): string[] {
  const log: string[] = [];
  // #region example
  const limiter = createRateLimiter({ maxKeys: 50_000 });
  const rule = {
    tool: 'git-map',
    action: 'search',
    windows: [
      { limit: 30, windowMs: 60_000 },
      { limit: 500, windowMs: 86_400_000 },
    ],
  };

  const waitMs = limiter.take(rule, 'acme', 'call-1', performance.now());
  if (waitMs === 0) log.push('admitted');
  else if (waitMs === LIMITER_FULL) log.push('no room for another key');
  else log.push(`try again in ${waitMs} ms`);
  // #endregion
  return log;
}

describe('README', () => {
  it('shows the example that runs here', async () => {
    const here = await readFile(new URL(import.meta.url), 'utf8');
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const region = /\/\/ #region example\n([\s\S]*?)\n {2}\/\/ #endregion/.exec(here)?.[1];
    const code = region?.replace(/^ {2}/gm, '').replaceAll('log.push(', 'console.log(');
    expect(code).toBeTruthy();
    expect(readme).toContain(code);
    expect(example()).toEqual(['admitted']);
  });
});
