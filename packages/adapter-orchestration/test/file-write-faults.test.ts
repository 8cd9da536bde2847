import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createFileWriteGuard, type FileWriteGuard } from '../src/index.ts';
import { openWorkspace, RATE } from './workspace.ts';

type FileSystem = typeof import('node:fs/promises');
type FileHandle = Awaited<ReturnType<FileSystem['open']>>;

/** What happens on the way of one write. A temporary file is told from others by its name. */
const faults = vi.hoisted(() => ({
  onTemporary: null as ((file: FileHandle, path: string) => Promise<void>) | null,
  onRename: null as (() => Promise<void>) | null,
}));

vi.mock('node:fs/promises', async (importOriginal) => {
  const fs = await importOriginal<FileSystem>();
  const open: FileSystem['open'] = async (path, ...rest) => {
    const file = await fs.open(path, ...rest);
    if (/\.cortex-[0-9a-f]+\.tmp$/.test(String(path)))
      await faults.onTemporary?.(file, String(path));
    return file;
  };
  const renameFile: FileSystem['rename'] = async (from, to) => {
    if (/\.cortex-[0-9a-f]+\.tmp$/.test(String(from))) await faults.onRename?.();
    return fs.rename(from, to);
  };
  return { ...fs, open, rename: renameFile };
});

const GRANT = {
  tool: 'fs.write',
  actions: ['write'],
  args: { path: { type: 'string' }, bytes: { type: 'integer' } },
  rate: RATE,
  fsScope: ['out'],
};

interface Opened {
  readonly guard: FileWriteGuard;
  readonly folder: string;
  readonly out: string;
}

async function openGuard(): Promise<Opened & { stop: () => Promise<unknown> }> {
  const { governor, folder } = await openWorkspace([GRANT]);
  const out = join(folder, 'out');
  await mkdir(out);
  const guard = createFileWriteGuard(governor, { tenant: 'default', agent: 'supervisor' });
  const stop = () => governor.killSwitch.engage({ actor: 'op', reason: 'test', scope: 'global' });
  return { guard, folder, out, stop };
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

beforeEach(() => {
  faults.onTemporary = null;
  faults.onRename = null;
});

describe('a fault while writing', () => {
  it.each(['writeFile', 'chmod', 'sync'] as const)(
    'in %s passes through and leaves the old file alone',
    async (method) => {
      const { guard, out } = await openGuard();
      await writeFile(join(out, 'a'), 'old');
      const failure = systemError('ENOSPC');
      faults.onTemporary = async (file) => {
        if (method === 'writeFile') await file.write('half');
        file[method] = () => Promise.reject(failure);
      };
      await expect(guard.writeFile('out/a', 'new content')).rejects.toBe(failure);
      expect(await readFile(join(out, 'a'), 'utf8')).toBe('old');
      expect(await readdir(out)).toEqual(['a']);
      faults.onTemporary = null;
      await guard.writeFile('out/a', 'new content');
      expect(await readFile(join(out, 'a'), 'utf8')).toBe('new content');
    },
  );

  it('in rename passes through and leaves nothing', async () => {
    const { guard, out } = await openGuard();
    const failure = systemError('EIO');
    faults.onRename = () => Promise.reject(failure);
    await expect(guard.writeFile('out/a', 'x')).rejects.toBe(failure);
    expect(await readdir(out)).toEqual([]);
  });

  it('in open passes through and leaves nothing', async () => {
    const { guard, out } = await openGuard();
    faults.onTemporary = async (file, path) => {
      await file.close();
      await rm(path);
      throw systemError('EMFILE');
    };
    await expect(guard.writeFile('out/a', 'x')).rejects.toMatchObject({ code: 'EMFILE' });
    expect(await readdir(out)).toEqual([]);
  });
});

/** The file is not there. Where an open folder has no name of its own, a temporary one stays. */
async function expectMovedAway(moved: string, platform: string): Promise<void> {
  const left = await readdir(moved);
  expect(left).not.toContain('a');
  if (platform === 'linux') expect(left).toEqual([]);
}

describe.each(['linux', 'darwin'])('a change while writing, on %s', (platform) => {
  beforeEach(() => {
    const real = process.platform;
    Object.defineProperty(process, 'platform', { value: platform });
    onTestFinished(() => void Object.defineProperty(process, 'platform', { value: real }));
  });

  it('of the folder, when the temporary file is open, is refused before a byte is written', async () => {
    const { guard, folder, out } = await openGuard();
    await mkdir(join(out, 'sub'));
    await mkdir(join(folder, 'outside'));
    const writes = vi.fn();
    faults.onTemporary = async (file) => {
      file.writeFile = writes;
      await rename(join(out, 'sub'), join(folder, 'moved'));
      await symlink(join(folder, 'outside'), join(out, 'sub'));
    };
    await expect(guard.writeFile('out/sub/a', 'x')).rejects.toMatchObject({
      code: 'PATH_OUT_OF_SCOPE',
    });
    expect(writes).not.toHaveBeenCalled();
    expect(await readdir(join(folder, 'outside'))).toEqual([]);
    await expectMovedAway(join(folder, 'moved'), platform);
  });

  it('of the folder, when the data is written, is refused before the file is in place', async () => {
    const { guard, folder, out } = await openGuard();
    await mkdir(join(out, 'sub'));
    faults.onTemporary = async (file) => {
      const sync = file.sync.bind(file);
      file.sync = async () => {
        await sync();
        await rename(join(out, 'sub'), join(folder, 'moved'));
      };
    };
    await expect(guard.writeFile('out/sub/a', 'x')).rejects.toMatchObject({
      code: 'PATH_OUT_OF_SCOPE',
    });
    await expectMovedAway(join(folder, 'moved'), platform);
  });

  it('of the file into a link, at the last moment, replaces the link and not what it names', async () => {
    const { guard, folder, out } = await openGuard();
    await writeFile(join(folder, 'victim'), 'untouched');
    faults.onRename = () => symlink(join(folder, 'victim'), join(out, 'a'));
    await guard.writeFile('out/a', 'x');
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('untouched');
    expect(await readFile(join(out, 'a'), 'utf8')).toBe('x');
  });

  it('of the kill switch leaves no file', async () => {
    const { guard, out, stop } = await openGuard();
    faults.onTemporary = async (file) => {
      const sync = file.sync.bind(file);
      file.sync = async () => {
        await sync();
        await stop();
      };
    };
    await expect(guard.writeFile('out/a', 'x')).rejects.toMatchObject({ code: 'KILLED_GLOBAL' });
    expect(await readdir(out)).toEqual([]);
  });
});
