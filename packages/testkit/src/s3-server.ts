import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './redis-server.ts';
import { ServerProcess } from './server-process.ts';

/** VersityGW, an S3 server over a folder. */
const PROGRAM = 'versitygw';

/** The version that is known to do what the tests ask for. */
const MODULE = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';

const REGION = 'us-east-1';

/** An S3 server of its own, with one bucket, on a loopback port. */
export interface S3Server {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** What a client of it must find in its environment. */
  readonly credentials: {
    readonly AWS_ACCESS_KEY_ID: string;
    readonly AWS_SECRET_ACCESS_KEY: string;
  };
  /** Folder of the bucket's objects, a file each. */
  readonly folder: string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL; objects are kept. */
  kill(): Promise<void>;
  /** Starts a killed server again on the same port and folder. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing is answered. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
}

/**
 * True when an S3 server can be started. When it is missing, says on stderr what was skipped and how to
 * install it, and returns false; in CI it throws, for there nothing may be skipped.
 */
export function s3OrSkip(suite: string): boolean {
  if (findProgram() !== null) return true;
  const advice = `${suite}: needs ${PROGRAM} (go install ${MODULE})`;
  if (process.env['CI'] !== undefined && process.env['CI'] !== '') throw new Error(advice);
  process.stderr.write(`SKIPPED ${advice}\n`);
  return false;
}

/** Starts a server and waits until it answers. */
export async function startS3(): Promise<S3Server> {
  const program = findProgram();
  if (program === null) throw new Error('there is no S3 server here');
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'cortex-s3-'));
  const folder = join(dir, 'evidence');
  await mkdir(folder);
  const credentials = { AWS_ACCESS_KEY_ID: 'tests', AWS_SECRET_ACCESS_KEY: 'not-a-secret' };
  const endpoint = `http://127.0.0.1:${port}`;
  const server = new ServerProcess({
    program,
    args: ['--port', `127.0.0.1:${port}`, '--region', REGION, '--quiet', 'posix', dir],
    options: {
      env: {
        PATH: process.env['PATH'],
        ROOT_ACCESS_KEY: credentials.AWS_ACCESS_KEY_ID,
        ROOT_SECRET_KEY: credentials.AWS_SECRET_ACCESS_KEY,
      },
    },
    answers: async () => (await fetch(endpoint)).status > 0,
  });
  await server.start();
  return {
    ...{ endpoint, region: REGION, bucket: 'evidence', credentials, folder },
    stop: async () => {
      await server.kill();
      await rm(dir, { recursive: true, force: true });
    },
    kill: () => server.kill(),
    restart: () => server.start(),
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
  };
}

/** On PATH, or where `go install` puts it. */
function findProgram(): string | null {
  const installed = join(process.env['GOPATH'] ?? join(homedir(), 'go'), 'bin', PROGRAM);
  const isThere = (path: string): boolean =>
    spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0;
  return [PROGRAM, installed].find(isThere) ?? null;
}
