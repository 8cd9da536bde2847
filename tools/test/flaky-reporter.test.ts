import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const TOOLS = join(import.meta.dirname, '..');

const TESTS = `
import fc from 'fast-check';
import { expect, it } from 'vitest';
let flaky = 0;
let property = 0;
it('fails once', () => { flaky += 1; expect(flaky, 'the first time').toBe(2); });
it('fails always', () => { expect(1).toBe(2); });
it('finds a counterexample once', () => {
  property += 1;
  fc.assert(fc.property(fc.integer(), () => property > 1));
});
it('passes', () => {});
`;

let folder = '';
let reports = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cortex-flaky-'));
  reports = basename(folder);
  mkdirSync(join(folder, 'test'));
  writeFileSync(join(folder, 'test', 'some.test.ts'), TESTS);
  symlinkSync(join(TOOLS, 'node_modules'), join(folder, 'node_modules'));
  const config = JSON.stringify(join(TOOLS, 'vitest', 'package-config.ts'));
  writeFileSync(
    join(folder, 'vitest.config.ts'),
    `import { packageConfig } from ${config};\nexport default packageConfig(import.meta.dirname);\n`,
  );
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(join(TOOLS, '..', 'reports', reports), { recursive: true, force: true });
});

/** Runs the tests of the folder; gives its reports by name. */
function run(ci: string): ReadonlyMap<string, string> {
  const vitest = join(TOOLS, 'node_modules', 'vitest', 'vitest.mjs');
  const { status, error } = spawnSync(process.execPath, [vitest, 'run'], {
    cwd: folder,
    env: { ...process.env, CI: ci, REPORTS: reports },
  });
  expect(error).toBeUndefined();
  expect(status).toBe(1);
  const dir = join(TOOLS, '..', 'reports', reports);
  return new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
}

it('runs a failed test again in CI, but no property, and names the one that then passed', () => {
  const written = run('true');
  const flaky = JSON.parse(written.get(`${basename(folder)}.flaky.json`) ?? '[]');
  expect(flaky).toEqual([
    { name: 'fails once', message: expect.stringContaining('the first time') },
  ]);
  const report = written.get(`${basename(folder)}.xml`);
  expect(report?.match(/<failure/g)).toHaveLength(3);
  expect(report).toMatch(/tests="4" failures="2"/);
});

it('runs no test again elsewhere', () => {
  const written = run('');
  expect([...written.keys()]).toEqual([`${basename(folder)}.xml`]);
  expect(written.get(`${basename(folder)}.xml`)).toMatch(/tests="4" failures="3"/);
});
