import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LogFiles, nodeLogFiles } from '../src/index.ts';
import { allowed, call, filesWith, openWriter, temporaryFolder } from './support.ts';

type Step = readonly [operation: string, path: string];

/** The file system, and every operation on it at the moment at which it was done. */
function tracedFiles(): { readonly files: LogFiles; readonly steps: Step[] } {
  const steps: Step[] = [];
  const files = filesWith({
    createAppendFile: async (path) => {
      const file = await nodeLogFiles.createAppendFile(path);
      steps.push(['create', path]);
      return {
        write: async (bytes) => {
          const written = await file.write(bytes);
          steps.push(['write', path]);
          return written;
        },
        datasync: async () => {
          await file.datasync();
          steps.push(['datasync', path]);
        },
        close: () => file.close(),
      };
    },
    placeFile: async (path, scratchFolder, content) => {
      await nodeLogFiles.placeFile(path, scratchFolder, content);
      steps.push(['place', path]);
    },
    replaceFile: async (path, content) => {
      steps.push(['replace', path]);
      await nodeLogFiles.replaceFile(path, content);
      steps.push(['replaced', path]);
    },
    syncFolder: async (path) => {
      await nodeLogFiles.syncFolder(path);
      steps.push(['sync', path]);
    },
    remove: async (path) => {
      steps.push(['remove', path]);
      await nodeLogFiles.remove(path);
    },
  });
  return { files, steps };
}

describe('the order of writes', () => {
  it('makes every step durable before the one that relies on it', async () => {
    const { files, steps } = tracedFiles();
    const writer = await openWriter({ dir: await temporaryFolder(), files, segmentBytes: 8_192 });
    for (let i = 0; i < 600; i += 1) {
      const ticket = writer.appendDecision(call({ i }), allowed());
      if (i % 50 === 0) await writer.durable(ticket, i % 100 === 0 ? 'checkpointed' : 'disk');
    }
    await writer.close();
    const unsyncedNames = new Set<string>();
    const unsyncedSegments = new Set<string>();
    let checkpoints = 0;
    let removals = 0;
    for (const [operation, path] of steps) {
      if (operation === 'write') unsyncedSegments.add(path);
      if (operation === 'datasync') {
        // A segment's name is durable before anything in it is said to be.
        expect(unsyncedNames).not.toContain(dirname(path));
        unsyncedSegments.delete(path);
      }
      if (operation === 'create' || operation === 'place') unsyncedNames.add(dirname(path));
      if (operation === 'sync') unsyncedNames.delete(path);
      if (operation === 'replace' && basename(path) === 'checkpoint') {
        // Everything that the checkpoint covers is in place; the journal may be ahead.
        expect([...unsyncedNames].filter((folder) => folder.includes('tile'))).toEqual([]);
        checkpoints += 1;
      }
      if (operation === 'remove' && path.endsWith('.seg')) {
        expect(unsyncedSegments).not.toContain(path);
        removals += 1;
      }
    }
    expect(checkpoints).toBeGreaterThan(5);
    expect(removals).toBeGreaterThan(5);
  });

  it('acknowledges os after the write, disk after the sync, checkpointed after the checkpoint', async () => {
    const { files, steps } = tracedFiles();
    const writer = await openWriter({ dir: await temporaryFolder(), files });
    const last = { os: 'write', disk: 'datasync', checkpointed: 'replaced' } as const;
    for (const level of ['os', 'disk', 'checkpointed'] as const) {
      steps.length = 0;
      await writer.durable(writer.appendDecision(call(), allowed()), level);
      expect(steps.map(([operation]) => operation)).toContain(last[level]);
      await writer.flush();
    }
  });
});
