import * as fs from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { createGrantLoader } from '../src/index.ts';
import { GIT_GRANT, TestClock, Workspace } from './grant-files.ts';

vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  return { ...actual, open: vi.fn(actual.open) };
});

it('reads the file once for callers at the same time, at first and after the ttl', async () => {
  const workspace = await Workspace.create({ git: GIT_GRANT });
  const clock = new TestClock();
  const loader = createGrantLoader({ root: workspace.root, watch: false, ttlMs: 10, clock });
  const open = vi.mocked(fs.open).mockClear();
  const load = (): Promise<unknown[]> =>
    Promise.all(Array.from({ length: 50 }, () => loader.load('git')));
  expect(new Set(await load()).size).toBe(1);
  expect(open).toHaveBeenCalledTimes(1);
  await load();
  expect(open).toHaveBeenCalledTimes(1);
  clock.now = 11;
  await load();
  expect(open).toHaveBeenCalledTimes(2);
});
