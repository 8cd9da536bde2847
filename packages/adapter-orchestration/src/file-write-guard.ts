import { basename } from 'node:path';
import {
  GovernanceError,
  MAX_IDENTIFIER_LENGTH,
  parseOptions,
  toolCall,
  type Verdict,
} from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { z } from 'zod';
import { entryAt, writeAtomically } from './atomic-write.ts';
import { CallReservation } from './call-reservation.ts';
import { CallStop } from './call-stop.ts';
import {
  meetObligations,
  type ObligationHandler,
  type ObligationHandlers,
  refuseObligation,
} from './obligation-handler.ts';
import { createTargetFolder, openTargetFolder } from './target-folder.ts';
import { denialError } from './tool-denial.ts';
import {
  type AskWrite,
  changedPath,
  permitWrite,
  refusal,
  type WritePermit,
} from './write-permit.ts';

/** Permission bits of a file that did not exist: the owner writes, everyone reads. */
const DEFAULT_FILE_MODE = 0o644;

/** Whose writes these are, and which grant they need. */
export interface FileWriteGuardOptions {
  readonly tenant: string;
  readonly agent: string;
  /** `tool` of the grant. @defaultValue 'fs.write' */
  readonly tool?: string;
  /** Action of the grant. @defaultValue 'write' */
  readonly action?: string;
  /** Handlers by obligation type. @defaultValue none: a verdict with obligations is a denial */
  readonly obligations?: ObligationHandlers;
}

export interface GuardedWriteOptions {
  /** Create missing parent folders, each of which the grant must cover. @defaultValue false */
  readonly mkdir?: boolean;
  /** Permission bits of the file, 0 to 0o777. @defaultValue those of the file it replaces, or 0o644 */
  readonly mode?: number;
}

/** A file that was written. */
export interface WrittenFile {
  /** Absolute, with every link followed. */
  readonly path: string;
  readonly bytes: number;
  readonly verdict: Verdict;
}

/** Writes files, each only after a decision on its path and size. */
export interface FileWriteGuard {
  /**
   * Decides on `{ path, bytes }` and puts the file in place whole: readers see the old content or the new.
   * The data is copied first. Links that were there at the decision are followed; what is planted
   * afterwards is refused, or has no effect. Relative paths are relative to the governor's workspace.
   *
   * @throws {GovernanceError} the denial, with the verdict: PATH_OUT_OF_SCOPE also when the path changed
   * after the decision, PATH_INVALID also for what is not a regular file, KILLED_… when a stop came
   * before the file was in place. OPTIONS_INVALID for data or options of the wrong type.
   * @throws the system's error, unchanged, such as ENOSPC, EACCES, or ENOENT for a missing folder.
   * After any error the old content, or none, is there.
   */
  writeFile(
    path: string,
    data: string | Uint8Array,
    options?: GuardedWriteOptions,
  ): Promise<WrittenFile>;
  /**
   * Resolves with the real path when writing `bytes` bytes there would be allowed now. A decision like
   * any other: it consumes limits and leaves evidence; it reserves nothing.
   * @param bytes 0 when left out.
   * @throws {GovernanceError} the denial, with the verdict.
   */
  assertWritable(path: string, bytes?: number): Promise<string>;
}

const identifier = z.string().min(1).max(MAX_IDENTIFIER_LENGTH);
const optionsSchema = z.strictObject({
  tenant: identifier,
  agent: identifier,
  tool: identifier.default('fs.write'),
  action: identifier.default('write'),
  obligations: z
    .record(
      z.string(),
      z.custom<ObligationHandlers[string]>((value) => typeof value === 'function'),
    )
    .default({}),
});
const writeSchema = z.strictObject({
  mkdir: z.boolean().default(false),
  mode: z.int().min(0).max(0o777).optional(),
});

/** @throws {GovernanceError} OPTIONS_INVALID */
export function createFileWriteGuard(
  governor: Governor,
  options: FileWriteGuardOptions,
): FileWriteGuard {
  const { tenant, agent, tool, action, obligations } = parseOptions(
    optionsSchema,
    options,
    'createFileWriteGuard(options)',
  );
  const handlers = new Map(Object.entries(obligations));
  const ask: AskWrite = (path, bytes) =>
    toolCall({ tenant, agent, tool, action, args: { path, bytes } });

  return Object.freeze({
    async writeFile(path: string, data: string | Uint8Array, options?: GuardedWriteOptions) {
      const { mkdir, mode } = parseOptions(writeSchema, options, 'writeFile(options)');
      const content = ownCopy(data);
      const permit = await permitWrite(governor, ask, path, content.byteLength);
      const reservation = new CallReservation(governor, permit.verdict);
      try {
        await runWrite(governor, permit, handlers, async (stop) => {
          reservation.begin();
          await write(governor, permit, content, { mkdir, mode, stop });
        });
      } finally {
        reservation.end();
      }
      return { path: permit.target, bytes: content.byteLength, verdict: permit.verdict };
    },
    async assertWritable(path: string, bytes = 0) {
      const { verdict, target } = await permitWrite(governor, ask, path, bytes);
      // The question itself is what was asked for: charged, and over.
      governor.settle(verdict);
      return target;
    },
  });
}

/** Carries out an allowed write, obligations first, unless it is stopped. */
async function runWrite(
  governor: Governor,
  { request, verdict }: WritePermit,
  handlers: ReadonlyMap<string, ObligationHandler>,
  run: (stop: CallStop) => Promise<void>,
): Promise<void> {
  const stop = new CallStop(governor, request);
  try {
    const call = { request, verdict, signal: stop.signal };
    const unmet = await stop.race(() => meetObligations(call, handlers));
    if (unmet !== null) throw denialError(refuseObligation(governor, request, unmet), unmet.cause);
    await run(stop);
  } finally {
    stop.end();
  }
}

interface WriteSettings {
  readonly mkdir: boolean;
  readonly mode: number | undefined;
  readonly stop: CallStop;
}

async function write(
  governor: Governor,
  permit: WritePermit,
  content: Uint8Array,
  { mkdir, mode, stop }: WriteSettings,
): Promise<void> {
  const openFolder = mkdir ? createTargetFolder : openTargetFolder;
  const folder = await openFolder(governor, permit);
  try {
    const name = basename(permit.target);
    const entry = await entryAt(folder, name);
    if (entry.kind === 'link') throw changedPath(governor, permit);
    if (entry.kind === 'other') {
      throw refusal(governor, permit.request, 'PATH_INVALID', 'path is no regular file');
    }
    const bits = mode ?? (entry.kind === 'file' ? entry.mode : DEFAULT_FILE_MODE);
    await writeAtomically(folder, name, content, bits, async () => {
      if (!(await folder.isInPlace())) throw changedPath(governor, permit);
      // Last, so that nothing is awaited between it and the system call.
      stop.signal.throwIfAborted();
    });
  } finally {
    await folder.close();
  }
}

/** The bytes to write, which the caller cannot change any more. */
function ownCopy(data: unknown): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  if (data instanceof Uint8Array) return Uint8Array.from(data);
  throw new GovernanceError('OPTIONS_INVALID', {
    where: 'writeFile(data)',
    problem: 'neither a string nor a Uint8Array',
  });
}
