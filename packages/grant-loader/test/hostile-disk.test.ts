import { isAbsolute, join, sep } from 'node:path';
import type { GrantedAction } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './grant-files.ts';
import { HONEST_PATHS, HOSTILE_PATHS } from './hostile-paths.ts';
import { nastyPath, seededNumbers } from './nasty-paths.ts';
import { LINKED_PATHS, type RealScene, realScene } from './real-scene.ts';
import { actionOf } from './scopes.ts';

const LONG = process.env['CORTEX_LONG'] === '1';
const RANDOM_PATHS = LONG ? 50_000 : 3_000;
const LONG_TIMEOUT_MS = 600_000;

const SCOPE = ['docs', 'packages/a'];
/** Halves of characters and huge strings are refused as arguments, before anybody looks at paths. */
const REFUSED = /^(?:PATH_INVALID|PATH_OUT_OF_SCOPE|ARGUMENT_INVALID)$/;
const PATHS = { p: { type: 'string', format: 'path' } };

async function open(): Promise<{ scene: RealScene; action: GrantedAction }> {
  const scene = await realScene();
  return { scene, action: actionOf({ fsScope: SCOPE, args: PATHS }, scene.workspace) };
}

async function answerOf(action: GrantedAction, path: string): Promise<string> {
  const { args, problem } = await action.resolvePaths({ p: path });
  return problem === null ? String(args['p']) : problem.code;
}

/** Whether an answer is a refusal, or a real path within the real scope. */
function isContained(answer: string, { workspace }: RealScene): boolean {
  if (!isAbsolute(answer)) return REFUSED.test(answer);
  const roots = SCOPE.map((entry) => join(workspace, entry));
  return roots.some((root) => answer === root || answer.startsWith(root + sep));
}

function fill(path: string, { base, workspace }: RealScene): string {
  return path.replace('{base}', base).replace('{workspace}', workspace);
}

describe('on disk', () => {
  it('no hostile path resolves, as it stands or with the workspace of the disk in it', async () => {
    const { scene, action } = await open();
    for (const path of HOSTILE_PATHS) {
      expect(await answerOf(action, path), JSON.stringify(path)).toMatch(REFUSED);
      const moved = path.replaceAll('/work/space', scene.workspace);
      expect(await answerOf(action, moved), JSON.stringify(moved)).toMatch(REFUSED);
      for (const start of ['docs/in/', 'docs/out/', 'packages/a/docs/']) {
        const answer = await answerOf(action, start + path);
        expect(isContained(answer, scene), `${JSON.stringify(start + path)}: ${answer}`).toBe(true);
      }
    }
  });

  it('every honest path resolves into the scope', async () => {
    const { scene, action } = await open();
    for (const path of HONEST_PATHS) {
      const answer = await answerOf(action, path.replaceAll('/work/space', scene.workspace));
      expect(isAbsolute(answer), `${path}: ${answer}`).toBe(true);
      expect(isContained(answer, scene), `${path}: ${answer}`).toBe(true);
    }
  });

  it.each(Object.entries(LINKED_PATHS.refused))('%s through links', async (code, paths) => {
    const { scene, action } = await open();
    for (const path of paths) expect(await answerOf(action, fill(path, scene)), path).toBe(code);
  });

  it('the real path through links that stay in scope', async () => {
    const { scene, action } = await open();
    for (const [path, real] of LINKED_PATHS.resolved) {
      expect(await answerOf(action, fill(path, scene)), path).toBe(join(scene.workspace, real));
    }
  });

  it(`${RANDOM_PATHS} random paths resolve inside or not at all`, {
    timeout: LONG_TIMEOUT_MS,
  }, async () => {
    const { scene, action } = await open();
    const seed = Number(process.env['CORTEX_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
    const random = seededNumbers(seed);
    const names = ['in', 'in-abs', 'out', 'out-up', 'chain-1', 'gone', 'gone-out', 'loop-a', 'sub'];
    let inside = 0;
    for (let i = 0; i < RANDOM_PATHS; i += 1) {
      const name = names[Math.floor(random() * names.length)] ?? '';
      const start = random() < 0.7 ? `docs/${name}/` : '';
      const path = start + nastyPath(random).replaceAll('/work/space', scene.workspace);
      const answer = await answerOf(action, path);
      expect(isContained(answer, scene), `seed ${seed}: ${JSON.stringify(path)}: ${answer}`).toBe(
        true,
      );
      if (isAbsolute(answer)) inside += 1;
    }
    expect(inside / RANDOM_PATHS, `seed ${seed}`).toBeGreaterThan(0.02);
  });
});

describe('in a workspace that is not there', () => {
  it('no hostile path resolves, and an honest one does', async () => {
    const folder = join(await temporaryFolder(), 'not', 'there');
    const action = actionOf({ fsScope: SCOPE, args: PATHS }, folder);
    for (const path of HOSTILE_PATHS)
      expect(await answerOf(action, path), JSON.stringify(path)).toMatch(REFUSED);
    expect(await answerOf(action, 'docs/new')).toBe(join(folder, 'docs', 'new'));
  });
});
