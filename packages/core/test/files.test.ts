import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findForeignOwner, findUnsafeMode, replaceFileDurably } from '../src/index.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-files-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('replaceFileDurably', () => {
  it('puts new content in place, with the mode asked for, and leaves nothing else', async () => {
    const path = join(dir, 'state.json');
    await replaceFileDurably(path, 'one');
    await replaceFileDurably(path, new TextEncoder().encode('two'), 0o600);
    expect(await readFile(path, 'utf8')).toBe('two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(['state.json']);
  });

  it('keeps the old content and removes its own file when it cannot replace', async () => {
    const path = join(dir, 'folder');
    await mkdir(join(path, 'inside'), { recursive: true });
    await expect(replaceFileDurably(path, 'x')).rejects.toMatchObject({ code: expect.any(String) });
    expect(await readdir(dir)).toEqual(['folder']);
    await expect(replaceFileDurably(join(dir, 'missing', 'f'), 'x')).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('never shows a reader half a file', async () => {
    const path = join(dir, 'big');
    const contents = ['a', 'b'].map((letter) => letter.repeat(200_000));
    await replaceFileDurably(path, contents[0] ?? '');
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 20; i += 1) await replaceFileDurably(path, contents[i % 2] ?? '');
      writing = false;
    })();
    while (writing) expect(contents).toContain(await readFile(path, 'utf8'));
    await writer;
  });

  it('replaces a link by a file instead of writing through it', async () => {
    const { symlink } = await import('node:fs/promises');
    await writeFile(join(dir, 'target'), 'untouched');
    await symlink('target', join(dir, 'link'));
    await replaceFileDurably(join(dir, 'link'), 'new');
    expect(await readFile(join(dir, 'target'), 'utf8')).toBe('untouched');
    expect((await lstat(join(dir, 'link'))).isFile()).toBe(true);
  });
});

describe.skipIf(process.platform === 'win32')('file safety', () => {
  it('names the mode of a file that others can write or read', async () => {
    const path = join(dir, 'f');
    await writeFile(path, '');
    await chmod(path, 0o666);
    expect(findUnsafeMode(await stat(path))).toBe('mode 0666 lets others write it');
    await chmod(path, 0o664);
    expect(findUnsafeMode(await stat(path))).toBeNull();
    expect(findUnsafeMode(await stat(path), 0o022)).toBe('mode 0664 lets others write it');
    await chmod(path, 0o640);
    expect(findUnsafeMode(await stat(path), 0o077)).toBe('mode 0640 lets others read it');
    await chmod(path, 0o600);
    expect(findUnsafeMode(await stat(path), 0o077)).toBeNull();
  });

  it('accepts the own user and root as owners', () => {
    const own = process.getuid?.() ?? 0;
    expect(findForeignOwner({ uid: own })).toBeNull();
    expect(findForeignOwner({ uid: 0 })).toBeNull();
    expect(findForeignOwner({ uid: own + 1 })).toBe(
      `it belongs to user ${own + 1}, not to user ${own}`,
    );
  });
});
