import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino, { type DestinationStream } from 'pino';
import type { BenchWriterKind } from './bench-writer.ts';
import { folderBytes } from './folder-bytes.ts';
import { recordOf } from './record-of.ts';

type Mode = 'sync' | 'async' | 'worker';

/** The stream of a mode: the end of it, too. */
interface Destination {
  readonly stream: DestinationStream & NodeJS.EventEmitter;
  readonly end: () => void;
}

const DESTINATIONS: Readonly<Record<Mode, (file: string) => Destination>> = {
  sync: (file) => sonic(file, true),
  async: (file) => sonic(file, false),
  worker: (file) => {
    const stream = pino.transport({ target: 'pino/file', options: { destination: file } });
    return { stream, end: () => stream.end() };
  },
};

/** pino with one of its destinations; what it writes is JSON lines. It acknowledges nothing. */
export function pinoLog(mode: Mode): BenchWriterKind {
  return {
    name: `pino, ${mode}`,
    promise: '',
    async open(dir) {
      const { stream, end } = DESTINATIONS[mode](join(dir, 'log'));
      const logger = pino({ base: null, timestamp: false }, stream);
      return {
        write(request, verdict) {
          logger.info(recordOf(request, verdict));
          return null;
        },
        isBusy: () => false,
        async end() {
          // A worker's stream does not keep the process alive until it has closed.
          const keepAlive = setInterval(() => {}, 1_000);
          const closed = once(stream, 'close');
          end();
          await closed;
          clearInterval(keepAlive);
        },
      };
    },
    async count(dir) {
      const text = await readFile(join(dir, 'log'), 'utf8').catch(() => '');
      return text.split('\n').length - 1;
    },
    bytes: folderBytes,
  };
}

function sonic(file: string, sync: boolean): Destination {
  const stream = pino.destination({ dest: file, sync });
  return { stream, end: () => stream.end() };
}
