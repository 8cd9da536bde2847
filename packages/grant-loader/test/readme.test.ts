import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import * as surface from '../src/index.ts';
import { GIT_GRANT, Workspace } from './grant-files.ts';

const run = promisify(execFile);
const PACKAGE = join(import.meta.dirname, '..');
const TIMEOUT_MS = 15_000;

const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(
    (match) => match[1] ?? '',
  );
}

it('has examples that print what it says', async () => {
  const [grant = ''] = blocks('json');
  expect(JSON.parse(grant)).toEqual(GIT_GRANT);
  const workspace = await Workspace.create({ git: grant });
  const modules = join(workspace.folder, 'node_modules', '@cortex-governance');
  await mkdir(modules, { recursive: true });
  await symlink(PACKAGE, join(modules, 'grant-loader'));
  const outputs = blocks('text');
  expect(outputs.length).toBeGreaterThan(0);
  for (const [i, example] of blocks('js').entries()) {
    const script = join(workspace.folder, 'example.mjs');
    await writeFile(script, example);
    const flags = [
      '--conditions=@cortex-governance/source',
      '--import',
      import.meta.resolve('tsx'),
    ];
    const options = { cwd: workspace.folder, timeout: TIMEOUT_MS };
    const { stdout } = await run(process.execPath, [...flags, script], options);
    expect(stdout).toBe(outputs[i]);
  }
});

it('lists every lint warning, and every default', () => {
  const table = [...readme.matchAll(/^\| `([A-Z_]+)`/gm)].map((match) => match[1]);
  expect(table).toEqual(expect.arrayContaining(Object.keys(surface.GRANT_LINT_WARNINGS)));
  for (const [name, value] of Object.entries(surface)) {
    if (!name.startsWith('DEFAULT_')) continue;
    expect(readme, name).toContain(`${Number(value).toLocaleString('en')} (\`${name}\`)`);
  }
});

it('has a public surface that changes only on purpose', () => {
  expect(Object.keys(surface).sort()).toEqual([
    'ACTION_EFFECTS',
    'ARGUMENT_FORMATS',
    'ARGUMENT_TYPES',
    'ArgumentSpec',
    'DATA_CLASSES',
    'DEFAULT_DEBOUNCE_MS',
    'DEFAULT_MAX_GRANTS',
    'DEFAULT_MAX_STALENESS_MS',
    'DEFAULT_RESCAN_MS',
    'DEFAULT_TTL_MS',
    'GRANT_FOLDER',
    'GRANT_LINT_WARNINGS',
    'GRANT_MODES',
    'GRANT_RISKS',
    'Grant',
    'MAX_GRANT_FILES',
    'MAX_GRANT_FILE_BYTES',
    'MAX_PATH_LENGTH',
    'MAX_RATE',
    'compileGrant',
    'createGrantIndex',
    'createGrantLoader',
    'enforce',
    'grantJsonSchema',
    'lintGrants',
    'loadGrant',
    'resetEnforceLimits',
  ]);
});
