import type { GrantedAction } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { HONEST_PATHS, HOSTILE_KINDS } from './hostile-paths.ts';
import { nastyPath, seededNumbers } from './nasty-paths.ts';
import { type ReferenceAnswer, referenceAnswer } from './reference-scope.ts';
import { actionOf } from './scopes.ts';

/** `CORTEX_LONG=1` (`nx test-long grant-loader`) makes the search twenty times as long. */
const LONG = process.env['CORTEX_LONG'] === '1';
const PATHS = LONG ? 1_000_000 : 50_000;
const LONG_TIMEOUT_MS = 600_000;

/** Another one for each run; give the one that a failure prints to see it again. */
const SEED = Number(process.env['CORTEX_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

interface Setting {
  readonly scope: readonly string[];
  readonly workspace: string;
  readonly action: GrantedAction;
}

const SETTINGS: readonly Setting[] = [
  { scope: ['docs', 'packages/a'], workspace: '/work/space' },
  { scope: ['.'], workspace: '/work/space' },
  { scope: ['./docs/', 'src/index.test.ts', 'a/b/x'], workspace: '/work/space' },
  { scope: ['docs/**', 'packages/*/src/**', '**/x.md'], workspace: '/work/space' },
  { scope: ['*/a', 'docs/?', 'a*b/**/src', '[id]/(main)/*'], workspace: '/work/space' },
  { scope: ['work/space/docs', 'docs'], workspace: '/' },
  { scope: ['space', 'docs'], workspace: '/work' },
  { scope: ['docs', '*'], workspace: '/work/space/docs/a/b/x' },
  { scope: [], workspace: '/work/space' },
].map(({ scope, workspace }) => {
  const args = { p: { type: 'string', format: 'path' } };
  return { scope, workspace, action: actionOf({ fsScope: scope, args }, workspace) };
});

function answerOf(action: GrantedAction, path: string): string {
  return action.checkArguments({ p: path })?.code ?? 'ok';
}

function shown({ scope, workspace }: Setting, path: string): string {
  return `seed ${SEED}: ${JSON.stringify(path)} in ${JSON.stringify(scope)} of ${workspace}`;
}

describe('the reference', () => {
  it('answers as the corpus says', () => {
    const scope = ['docs', 'packages/a'];
    for (const { code, paths } of HOSTILE_KINDS) {
      for (const path of paths)
        expect(referenceAnswer(scope, '/work/space', path), JSON.stringify(path)).toBe(code);
    }
    for (const path of HONEST_PATHS)
      expect(referenceAnswer(scope, '/work/space', path), path).toBe('ok');
  });
});

describe(`${PATHS} random paths`, () => {
  it('are judged as the slow reference judges them', { timeout: LONG_TIMEOUT_MS }, () => {
    const random = seededNumbers(SEED);
    const seen: Record<ReferenceAnswer, number> = {
      ok: 0,
      PATH_INVALID: 0,
      PATH_OUT_OF_SCOPE: 0,
    };
    for (let i = 0; i < PATHS; i += 1) {
      const setting = SETTINGS[i % SETTINGS.length] as Setting;
      const path = nastyPath(random);
      const expected = referenceAnswer(setting.scope, setting.workspace, path);
      seen[expected] += 1;
      const answer = answerOf(setting.action, path);
      if (answer !== expected) expect(answer, shown(setting, path)).toBe(expected);
    }
    // A search that only ever sees one answer finds nothing.
    for (const [answer, count] of Object.entries(seen))
      expect(count / PATHS, `${answer}, seed ${SEED}`).toBeGreaterThan(0.05);
  });
});
