import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import * as testkit from '../src/index.ts';

const { describeTenantRegistry } = testkit;

// #region example
const known = ['acme', 'globex'];

describeTenantRegistry('a set of two', () => ({
  registry: {
    check: (tenant) => {
      if (tenant === '') return 'TENANT_MISSING';
      return known.includes(tenant) ? null : 'TENANT_UNKNOWN';
    },
  },
  known,
}));
// #endregion

it('shows in its README the example that runs here, and every export', async () => {
  const here = await readFile(new URL(import.meta.url), 'utf8');
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const region = /\/\/ #region example\n([\s\S]*?)\/\/ #endregion/.exec(here)?.[1];
  expect(readme).toContain(region);
  const values = Object.keys(testkit).filter((name) => name !== 'GIT_MAP_GRANT');
  expect(values.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});
