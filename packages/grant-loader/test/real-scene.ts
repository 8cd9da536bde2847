import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './grant-files.ts';

/** A workspace on disk with everything in it that leads somewhere else. */
export interface RealScene {
  readonly base: string;
  /** The workspace, with `docs` and `packages/a` for a scope. */
  readonly workspace: string;
  /** A folder beside the workspace that nothing may reach. */
  readonly out: string;
}

/** Links of the scene, by where they stand in the workspace. */
const LINKS: readonly (readonly [at: string, target: string])[] = [
  ['docs/in', 'sub'],
  ['docs/in-abs', '{workspace}/docs/sub'],
  ['docs/in-up', '../docs/./sub/../sub'],
  ['docs/in-round', '../other/back'],
  ['other/back', '../docs/sub'],
  ['docs/out', '../../out'],
  ['docs/out-abs', '{out}'],
  ['docs/out-file', '../../out/secret'],
  ['docs/out-root', '/'],
  ['docs/out-up', '..'],
  ['docs/out-other', '../other'],
  ['docs/out-cortex', '../.cortex'],
  ['docs/out-twice', 'out-abs/sub'],
  ['docs/out-dots', 'sub/../../../out'],
  ['docs/chain-1', 'chain-2'],
  ['docs/chain-2', 'sub/chain-3'],
  ['docs/sub/chain-3', '../chain-4/secret'],
  ['docs/chain-4', '../other/leave'],
  ['other/leave', '{out}'],
  ['docs/long-0', 'a.md'],
  ...Array.from({ length: 30 }, (_, i) => [`docs/long-${i + 1}`, `long-${i}`] as const),
  ['docs/loop', 'loop'],
  ['docs/loop-a', 'loop-b/x'],
  ['docs/loop-b', 'loop-a/x'],
  ['docs/gone', 'not-there'],
  ['docs/gone-out', '../../out/not-there'],
  ['docs/gone-up', '../not-there'],
  ['docs/gone-chain', 'gone-out/deeper'],
  ['docs/dev', '/dev/null'],
  ['docs/proc', '/proc/self/root'],
  ['docs/fd', '/proc/self/fd'],
  ['docs/cwd', '/proc/self/cwd'],
  ['packages/a/up', '../b'],
  ['packages/a/docs', '../../docs'],
];

export async function realScene(): Promise<RealScene> {
  const base = await temporaryFolder();
  const workspace = join(base, 'space');
  const out = join(base, 'out');
  const folders = [
    'docs/sub/deep',
    'packages/a/src',
    'packages/b',
    'other',
    '.cortex/policy',
    '.git',
  ];
  for (const folder of folders) await mkdir(join(workspace, folder), { recursive: true });
  await mkdir(join(out, 'sub'), { recursive: true });
  await writeFile(join(out, 'secret'), 's');
  for (const file of ['docs/a.md', 'docs/sub/b.md', 'other/o.md', '.git/config', '.env'])
    await writeFile(join(workspace, file), 'x');
  for (const [at, target] of LINKS) {
    const to = target.replace('{workspace}', workspace).replace('{out}', out);
    await symlink(to, join(workspace, at));
  }
  // A hard link has no other end to find: it is the file. It stands here so that nobody expects more.
  await link(join(workspace, 'docs', 'a.md'), join(workspace, 'docs', 'hard.md'));
  return { base, workspace, out };
}

/** Paths through the links of the scene that must not resolve, and those that must, with where they lead. */
export const LINKED_PATHS: {
  readonly refused: Readonly<Record<'PATH_INVALID' | 'PATH_OUT_OF_SCOPE', readonly string[]>>;
  readonly resolved: readonly (readonly [path: string, real: string])[];
} = {
  refused: {
    PATH_OUT_OF_SCOPE: [
      ...['out', 'out-abs', 'out-root', 'out-up', 'out-other', 'out-cortex'].flatMap((name) => [
        `docs/${name}`,
        `docs/./${name}//`,
      ]),
      ...[
        'docs/out-file',
        'docs/out/secret',
        'docs/out/new',
        'docs/out/sub/new/deep',
        'docs/out-abs/secret',
      ],
      ...['docs/out/../docs/a.md', 'docs/out/../a.md', 'docs/out/../../space/docs/a.md'],
      ...['docs/out-root/etc/passwd', 'docs/out-root/tmp', 'docs/out-up/.env', 'docs/out-up/.git'],
      ...['docs/out-up/docs/../.env', 'docs/out-other/o.md', 'docs/out-cortex/policy/x.json'],
      ...['docs/out-twice', 'docs/out-twice/x', 'docs/out-dots', 'docs/out-dots/secret'],
      ...['docs/chain-1', 'docs/chain-2', 'docs/sub/chain-3', 'docs/chain-4', 'docs/chain-4/x'],
      ...['docs/in/chain-3', 'docs/in-abs/../out/secret'],
      ...['docs/gone-out', 'docs/gone-out/x', 'docs/gone-up', 'docs/gone-up/x', 'docs/gone-chain'],
      ...['docs/gone-chain/x/../y', 'docs/dev', 'docs/proc/etc/passwd', 'docs/cwd/x'],
      ...['packages/a/up', 'packages/a/up/x', 'packages/a/docs/out/secret'],
      ...['packages/a/docs/../b', 'packages/a/up/../a/x', '{base}/out/secret', '{base}/out'],
      ...['{workspace}/docs/out/secret', '{workspace}/other/leave/secret', '{base}/space/.env'],
    ],
    PATH_INVALID: [
      ...['docs/loop', 'docs/loop/x', 'docs/loop/../a.md', 'docs/loop-a', 'docs/loop-b/y'],
      ...['docs/a.md/x', 'docs/a.md/new/deep', `docs/${'n'.repeat(300)}`, 'docs/long-30/x'],
      ...[`docs/out/../${'n'.repeat(300)}`],
    ],
  },
  resolved: [
    ['docs', 'docs'],
    ['docs/a.md', 'docs/a.md'],
    ['docs/in', 'docs/sub'],
    ['docs/in/../a.md', 'docs/a.md'],
    ['docs/in/b.md', 'docs/sub/b.md'],
    ['docs/in-abs/new', 'docs/sub/new'],
    ['docs/in-up/b.md', 'docs/sub/b.md'],
    ['docs/in-round/b.md', 'docs/sub/b.md'],
    ['docs/long-30', 'docs/a.md'],
    ['docs/gone', 'docs/not-there'],
    ['docs/gone/deep/x', 'docs/not-there/deep/x'],
    ['docs/hard.md', 'docs/hard.md'],
    ['packages/a/docs', 'docs'],
    ['packages/a/docs/sub/b.md', 'docs/sub/b.md'],
    ['{workspace}/docs/in/b.md', 'docs/sub/b.md'],
    ['../space/docs/a.md', 'docs/a.md'],
  ],
};
