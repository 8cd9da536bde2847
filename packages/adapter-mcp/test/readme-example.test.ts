import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, it } from 'vitest';
import { VERDICT_META_KEY } from '../src/index.ts';

const PACKAGE = join(import.meta.dirname, '..');
const SERVER = join(import.meta.dirname, 'fixtures', 'tiny-server.mjs');

it('the example of the README governs a server', async () => {
  const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
  const [script, grant] = [/```js\n(.*?)```/s, /```json\n(.*?)```/s].map(
    (pattern) => pattern.exec(readme)?.[1] ?? '',
  ) as [string, string];
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'mcp-readme-')));
  const root = join(dir, '.cortex');
  await mkdir(join(root, 'policy', 'tools'), { recursive: true });
  await writeFile(join(root, 'policy', 'tools', 'filesystem.json'), grant);
  await writeFile(join(root, 'governance.yaml'), 'version: 1\nlog:\n  level: error\n');
  // Only the folder and the server's command differ from what the page shows.
  const code = script
    .replace("'.cortex'", JSON.stringify(root))
    .replace("'npx'", JSON.stringify(process.execPath))
    .replace(/args: .*/, `args: ${JSON.stringify([SERVER])},`);
  const client = new Client({ name: 'client', version: '1.0.0' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: ['--input-type=module', '-e', code],
      cwd: PACKAGE,
    }),
  );
  const result = await client.callTool({ name: 'echo', arguments: {} });
  expect(result._meta?.[VERDICT_META_KEY]).toMatchObject({ code: 'ACTION_NOT_ALLOWED' });
  await client.close();
  await rm(dir, { recursive: true, force: true });
});
