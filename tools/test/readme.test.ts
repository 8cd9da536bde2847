import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../../', import.meta.url));
const govern = join(repository, 'packages/cli/dist/bin.js');

/** Starting a server and some forty requests by curl, on a loaded machine. */
const TIMEOUT_MS = 60_000;

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A temp workspace with this repository's own `.cortex`, in which its packages can be imported. */
async function createWorkspace(): Promise<string> {
  const workspace = await realpath(await mkdtemp(join(tmpdir(), 'readme-')));
  cleanups.push(() => rm(workspace, { recursive: true, force: true }));
  await cp(join(repository, '.cortex/policy'), join(workspace, '.cortex/policy'), {
    recursive: true,
  });
  await cp(join(repository, '.cortex/governance.yaml'), join(workspace, '.cortex/governance.yaml'));
  await mkdir(join(workspace, 'docs'));
  await symlink(join(repository, 'tools/node_modules'), join(workspace, 'node_modules'));
  return workspace;
}

/** The code of the page that follows `<!-- example:name -->`. */
async function example(page: string, name: string): Promise<string> {
  const text = await readFile(join(repository, page), 'utf8');
  const code = new RegExp(`<!-- example:${name} -->\n\`\`\`\\w+\n([\\s\\S]*?)\`\`\``).exec(
    text,
  )?.[1];
  if (code === undefined) throw new Error(`${page} has no example ${name}`);
  return code;
}

async function runScript(workspace: string, code: string): Promise<string> {
  const script = join(workspace, 'example.mts');
  await writeFile(script, code);
  const flags = ['--conditions=@cortex-governance/source', '--import', import.meta.resolve('tsx')];
  const { stdout } = await run(process.execPath, [...flags, script], { cwd: workspace });
  return stdout;
}

describe('the TypeScript examples', () => {
  it('README.md, library: decides, evaluates and enforces', async () => {
    const code = await example('README.md', 'library');
    const output = await runScript(
      await createWorkspace(),
      `${code}\nconsole.log(verdict.code, checked.code);`,
    );
    expect(output.trim()).toBe('ALLOWED ALLOWED');
  });

  it('README.md, orchestration: runs the tool with the real path, or not at all', async () => {
    const workspace = await createWorkspace();
    const code = `${await example('README.md', 'orchestration')}
import { createGovernor } from '@cortex-governance/governor';
const governor = await createGovernor();
const tree = governedTree(governor);
console.log(await tree({ path: 'docs' }));
console.log(await tree({ path: '../secrets' }).catch((error) => error.code));
await governor.close();`;
    expect(await runScript(workspace, code)).toBe(
      `listing of ${workspace}/docs\nPATH_OUT_OF_SCOPE\n`,
    );
  });

  it('README.md, limits: reserves, refuses, settles', async () => {
    const workspace = await createWorkspace();
    const grant = await example('README.md', 'limits-grant');
    await writeFile(join(workspace, '.cortex/policy/tools/writer.json'), grant);
    const code = `${await example('README.md', 'limits')}
console.log(first.code, second.code, second.stage, tokens?.name, tokens?.remaining);`;
    expect((await runScript(workspace, code)).trim()).toBe(
      'ALLOWED RATE_LIMITED limits tokens-86400 9100',
    );
  });

  it('packages/core/README.md: asks an engine', async () => {
    const code = `${await example('packages/core/README.md', 'engine')}
console.log(request.resource.id, isDenial(new GovernanceError('ALLOWED')), typeof ask);`;
    expect((await runScript(await createWorkspace(), code)).trim()).toBe('git-map false function');
  });

  it('packages/governor/README.md: governs a workspace', async () => {
    const code = await example('packages/governor/README.md', 'governor');
    expect(await runScript(await createWorkspace(), code)).toBe(
      'allow ALLOWED\ndeny PATH_OUT_OF_SCOPE\ndeny KILLED_TOOL\n',
    );
  });
});

/** Starts `govern serve` on a free port; resolves with its base URL. */
async function serve(workspace: string): Promise<string> {
  const server = spawn(process.execPath, [govern, 'serve', '--port', '0'], { cwd: workspace });
  cleanups.push(async () => {
    if (server.exitCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });
  const lines: string[] = [];
  server.stderr.on('data', (chunk) => lines.push(String(chunk)));
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /http:\/\/[\d.:]+/.exec(line)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`the server did not start: ${lines.join('')}`);
}

describe('the shell example of README.md', () => {
  it(
    'gives an allow, a scope denial, a limit denial, a 503, and evidence that verifies',
    async () => {
      const workspace = await createWorkspace();
      const url = await serve(workspace);
      const script = (await example('README.md', 'curl'))
        .replaceAll('http://127.0.0.1:8004', url)
        .replaceAll('npx govern', `"${process.execPath}" "${govern}"`);
      const { stdout } = await run('bash', ['-c', script], { cwd: workspace });
      const codes = [...stdout.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code);
      expect(codes).toEqual(['ALLOWED', 'PATH_OUT_OF_SCOPE', 'RATE_LIMITED', 'KILLED_GLOBAL']);
      expect(stdout).toMatch(/"retryAfterMs":[1-9]/);
      expect(stdout).toMatch(/HTTP\/1\.1 503/);
      expect(stdout).toMatch(/^ok .*server$/m);
    },
    TIMEOUT_MS,
  );

  it(
    'auditor: verifies, proves one denial, and exports a tenant',
    async () => {
      const workspace = await createWorkspace();
      const url = await serve(workspace);
      for (const path of ['docs', '../secrets']) {
        const body = JSON.stringify({
          subject: { type: 'agent', id: 'a1' },
          action: { name: 'tree', properties: { path } },
          resource: { type: 'tool', id: 'git-map' },
        });
        const headers = { 'content-type': 'application/json' };
        await fetch(`${url}/access/v1/evaluation`, { method: 'POST', headers, body });
      }
      const checkpoint = join(workspace, 'artifacts/governance/evidence/server/checkpoint');
      // The boot and two decisions: what is not signed yet cannot be proved.
      await vi.waitFor(
        async () => expect(Number((await readFile(checkpoint, 'utf8')).split('\n')[1])).toBe(3),
        { timeout: TIMEOUT_MS / 2, interval: 100 },
      );
      const script = (await example('README.md', 'auditor')).replaceAll(
        'npx govern',
        `"${process.execPath}" "${govern}"`,
      );
      const { stdout } = await run('bash', ['-ec', script], { cwd: workspace });
      expect(stdout).toMatch(/^ok .*server$/m);
      expect(stdout).toMatch(/^proved: record \d+ of /m);
      expect(stdout).toContain('denial.tlog-proof');
      expect(stdout).toMatch(/evid:default:[0-9a-f]{64}/);
    },
    TIMEOUT_MS,
  );
});
