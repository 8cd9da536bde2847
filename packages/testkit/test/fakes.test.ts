import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeLogger, GIT_MAP_GRANT, RecordingLogger, TempWorkspace } from '../src/index.ts';

describe('TempWorkspace', () => {
  it('holds what it is given, and goes without a trace', async () => {
    const workspace = await TempWorkspace.create({ config: 'version: 1\n' });
    await workspace.writeGrant({ tool: 'other' }, 'file');
    const read = (path: string) => readFile(join(workspace.root, path), 'utf8');
    expect(JSON.parse(await read('policy/tools/git-map.json'))).toEqual(GIT_MAP_GRANT);
    expect(JSON.parse(await read('policy/tools/file.json'))).toEqual({ tool: 'other' });
    expect(await read('governance.yaml')).toBe('version: 1\n');
    await workspace.remove();
    await expect(access(workspace.folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('RecordingLogger', () => {
  it('keeps levels, events and fields in order', () => {
    const logger = new RecordingLogger();
    logger.warn('FIRST', { a: 1 });
    logger.error('SECOND');
    expect(logger.events()).toEqual(['FIRST', 'SECOND']);
    expect(logger.lines[0]).toEqual({ level: 'warn', event: 'FIRST', fields: { a: 1 } });
  });
});

describeLogger('a logger of JSON lines', () => {
  const logger = new RecordingLogger();
  const line = ({ event, fields }: RecordingLogger['lines'][number]) => {
    return `${JSON.stringify({ event, place: fields['place'], text: fields['text'] })}\n`;
  };
  return { logger, written: () => logger.lines.map(line) };
});
