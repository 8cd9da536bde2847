import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './redis-server.ts';
import { ServerProcess } from './server-process.ts';

/** Where Debian puts the programs of each version; they are not on PATH there. */
const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** The user `nobody`: PostgreSQL refuses to run as root. */
const NOBODY = 65_534;

/** A PostgreSQL server of its own, with a database `postgres`, on a loopback port. */
export interface PostgresServer {
  readonly url: string;
  readonly port: number;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL; what was committed is kept. */
  kill(): Promise<void>;
  /** Starts a killed server again on the same port and folder. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing is answered. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
}

/**
 * True when a PostgreSQL server can be started. When it is missing, says on stderr what was skipped and
 * how to install it, and returns false; in CI it throws, for there nothing may be skipped.
 */
export function postgresOrSkip(suite: string): boolean {
  if (findPrograms() !== null) return true;
  const advice = `${suite}: needs initdb and postgres (Debian: apt install postgresql; macOS: brew install postgresql)`;
  if (process.env['CI'] !== undefined && process.env['CI'] !== '') throw new Error(advice);
  process.stderr.write(`SKIPPED ${advice}\n`);
  return false;
}

/** Makes a database folder, starts a server on it, and waits until it answers. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = findPrograms();
  if (programs === null) throw new Error('there is no PostgreSQL server here');
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'cortex-postgres-'));
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (process.getuid?.() === 0) await chown(dir, NOBODY, NOBODY);
  const init = ['-D', join(dir, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'];
  await promisify(execFile)(programs.initdb, [...init, '--locale=C', '--no-sync'], {
    ...user,
    cwd: dir,
  });
  const server = new ServerProcess({
    program: programs.postgres,
    args: serverArguments(port, dir),
    options: { ...user, cwd: dir },
    answers: () => takesConnections(port),
  });
  await server.start();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
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

function serverArguments(port: number, dir: string): string[] {
  // Killed processes lose nothing without fsync; only a machine that stops would.
  const settings = [
    'fsync=off',
    'full_page_writes=off',
    'max_connections=20',
    'shared_buffers=16MB',
  ];
  return [
    ...['-D', join(dir, 'data'), '-p', String(port), '-h', '127.0.0.1', '-k', dir],
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
}

/** Sends a start-up message and waits for the server's word that it is ready for queries. */
async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    const body = Buffer.from('\0\x03\0\0user\0postgres\0database\0postgres\0\0', 'latin1');
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length + 4);
    socket.write(Buffer.concat([length, body]));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    // 'R': authentication, which is granted to all; an error starts with 'E'.
    return answer[0] === 0x52;
  } finally {
    socket.destroy();
  }
}

function findPrograms(): { initdb: string; postgres: string } | null {
  for (const folder of ['', ...debianFolders()]) {
    const [initdb, postgres] = [join(folder, 'initdb'), join(folder, 'postgres')];
    if (isProgram(initdb) && isProgram(postgres)) return { initdb, postgres };
  }
  return null;
}

function isProgram(path: string): boolean {
  return spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** The newest version first. */
function debianFolders(): string[] {
  try {
    const versions = readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(DEBIAN_FOLDER, version, 'bin'));
  } catch {
    return [];
  }
}
