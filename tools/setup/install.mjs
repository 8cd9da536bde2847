import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from './child.mjs';

const STAMP = join('node_modules', '.install-stamp');

/** Installs the locked dependencies of `root`, unless nothing they depend on has changed since. */
export async function install(root) {
  const wanted = fingerprint(root);
  if (readOptional(join(root, STAMP)) === wanted) return 0;
  const manager = readManifest(root).packageManager;
  console.log(`> Installing dependencies (${manager})`);
  // Over npx, so that the machine needs no pnpm of its own.
  const args = ['-y', manager, 'install', '--frozen-lockfile', '--reporter=append-only'];
  const code = await runChild('npx', args, { cwd: root });
  if (code === 0) {
    mkdirSync(join(root, 'node_modules'), { recursive: true });
    writeFileSync(join(root, STAMP), wanted);
  }
  return code;
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** Hashes the lockfile, every manifest, and the platform that native parts are chosen for. */
function fingerprint(root) {
  const packages = readdirSync(join(root, 'packages')).sort();
  const files = [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'package.json',
    join('tools', 'package.json'),
    ...packages.map((name) => join('packages', name, 'package.json')),
  ];
  const hash = createHash('sha256');
  const major = process.versions.node.split('.')[0];
  hash.update(`${process.platform} ${process.arch} node${major}\n`);
  for (const file of files) hash.update(`${file}\n${readOptional(join(root, file)) ?? ''}\n`);
  return hash.digest('hex');
}

function readOptional(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}
