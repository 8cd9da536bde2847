import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Attributes,
  createVerdict,
  type DecisionRequest,
  GovernanceError,
  toolCall,
  type Verdict,
  VerdictIdSource,
} from '@cortex-governance/core';
import { afterEach } from 'vitest';
import {
  createEvidenceWriter,
  type EvidenceLog,
  type EvidenceRecord,
  type EvidenceWriterOptions,
  type LogFiles,
  nodeLogFiles,
  readEvidence,
} from '../src/index.ts';

const folders: string[] = [];
const writers: EvidenceLog[] = [];
const ids = new VerdictIdSource();

afterEach(async () => {
  // A test may have ended its writer by a fault; then close says so once more.
  for (const writer of writers.splice(0)) await writer.close().catch(() => {});
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** An empty folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'evidence-'));
  folders.push(folder);
  return folder;
}

/** A writer that is closed after the test. */
export async function openWriter(
  options: Partial<EvidenceWriterOptions> & { dir: string },
): Promise<EvidenceLog> {
  const writer = await createEvidenceWriter(options);
  writers.push(writer);
  return writer;
}

export function call(args: Attributes = {}): DecisionRequest {
  return toolCall({ tenant: 'acme', agent: 'agent-1', tool: 'git-map', action: 'search', args });
}

export function allowed(): Verdict {
  return createVerdict(ids.next(Date.now()), 'ALLOWED', 'evidence', 'a'.repeat(64));
}

export async function recordsOf(dir: string): Promise<EvidenceRecord[]> {
  const records: EvidenceRecord[] = [];
  for await (const record of readEvidence(dir)) records.push(record);
  return records;
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<GovernanceError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof GovernanceError) return error;
  throw new Error(`expected a GovernanceError, got ${String(error)}`);
}

/** An error as the file system gives it. */
export function ioError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** The file system with some operations replaced. */
export function filesWith(faults: Partial<LogFiles>): LogFiles {
  return { ...nodeLogFiles, ...faults };
}

/** The file system whose journal files behave as told. */
export function filesWithJournal(faults: {
  readonly write?: (
    bytes: Uint8Array,
    write: (bytes: Uint8Array) => Promise<number>,
  ) => Promise<number>;
  readonly datasync?: (datasync: () => Promise<void>) => Promise<void>;
}): LogFiles {
  return filesWith({
    createAppendFile: async (path) => {
      const file = await nodeLogFiles.createAppendFile(path);
      const { write, datasync } = faults;
      return {
        write: (bytes) => (write === undefined ? file.write(bytes) : write(bytes, file.write)),
        datasync: () => (datasync === undefined ? file.datasync() : datasync(file.datasync)),
        close: () => file.close(),
      };
    },
  });
}

/** The file system without its syncs: for tests with many starts, in which nothing crashes. */
export const unsyncedFiles: LogFiles = filesWith({
  placeFile: async (path, scratchFolder, content) => {
    const scratch = join(scratchFolder, randomUUID());
    await writeFile(scratch, content);
    await rename(scratch, path);
  },
  replaceFile: (path, content) => writeFile(path, content),
  syncFolder: () => Promise.resolve(),
});
