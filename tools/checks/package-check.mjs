/*
 * Checks the package in the current folder as its users will get it: packs it, then reads the
 * tarball with publint and attw. `npx nx check-package <package>`
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root } from '../setup/workspace.mjs';

/** Files that every published package holds. */
const REQUIRED = ['package.json', 'LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts'];

/** Versions that only this workspace understands; packing must have replaced them. */
const UNPUBLISHABLE = /"(?:workspace|catalog|link|file):/;

/** Packs with the workspace's own package manager: it is what publishes, and resolves versions. */
function pack(folder) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const args = ['-y', packageManager, 'pack', '--json', '--pack-destination', folder];
  const answer = JSON.parse(execFileSync('npx', args, { encoding: 'utf8' }));
  return { tarball: join(folder, answer.filename.split('/').at(-1)), files: answer.files };
}

function contentProblems(tarball, files) {
  const paths = new Set(files.map(({ path }) => path));
  const problems = REQUIRED.filter((path) => !paths.has(path)).map((path) => `${path} is missing`);
  const manifest = execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], {
    encoding: 'utf8',
  });
  const left = UNPUBLISHABLE.exec(manifest);
  if (left !== null) problems.push(`package.json still holds ${left[0]}…`);
  return problems;
}

async function publintProblems(tarball) {
  const buffer = readFileSync(tarball);
  const { messages, pkg } = await publint({
    strict: true,
    pack: { tarball: buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length) },
  });
  return messages
    .filter(({ type }) => type !== 'suggestion')
    .map((message) => `publint: ${formatMessage(message, pkg)}`);
}

/** Types and code must resolve alike for every kind of consumer that can use ES modules. */
function attwProblems(tarball) {
  const attw = join(root, 'node_modules', '.bin', 'attw');
  const args = [tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-color', '--no-emoji'];
  const { status, stdout, stderr } = spawnSync(attw, args, { encoding: 'utf8' });
  return status === 0 ? [] : [`attw:\n${stdout}${stderr}`];
}

const folder = mkdtempSync(join(tmpdir(), 'cortex-package-'));
try {
  const { tarball, files } = pack(folder);
  const problems = [
    ...contentProblems(tarball, files),
    ...(await publintProblems(tarball)),
    ...attwProblems(tarball),
  ];
  for (const problem of problems) console.error(problem);
  console.log(`${files.length} files packed, ${problems.length} problems`);
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
