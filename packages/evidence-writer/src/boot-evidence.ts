import { arch, availableParallelism, platform, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type Attributes,
  type Clock,
  canonicalJson,
  EVIDENCE_DROPPED,
  type EvidenceWriter,
  errorMessage,
  GovernanceError,
  type Logger,
  parseOptions,
  replaceFileDurably,
  silentLogger,
  systemClock,
} from '@cortex-governance/core';
import { z } from 'zod';
import { nodeLogFiles } from './log-files.ts';

/** Version of `boot.json`. */
export const BOOT_EVIDENCE_VERSION = 1;

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');

const bootOptions = z.strictObject({
  dir: z.string().min(1),
  policyHash: digest,
  configDigest: digest,
  packages: z.record(z.string(), z.string()).default({}),
  mode: z.enum(['strict', 'standard']).default('strict'),
  writer: z.custom<EvidenceWriter>((w) => typeof w === 'object' && w !== null).optional(),
  clock: z.custom<Clock>((c) => typeof c === 'object' && c !== null).default(systemClock),
  logger: z.custom<Logger>((l) => typeof l === 'object' && l !== null).default(silentLogger),
  onFailure: z.custom<() => void>((f) => typeof f === 'function').optional(),
});

/** Options of {@link writeBootEvidence}. */
export interface BootEvidenceOptions {
  /** Folder of runtime evidence, such as `artifacts/governance/runtime`. */
  readonly dir: string;
  /** SHA-256 (hex) of everything that decides. */
  readonly policyHash: string;
  /** SHA-256 (hex) of the configuration; the configuration itself may hold secrets. */
  readonly configDigest: string;
  /** Versions of the packages that run, by name. */
  readonly packages?: Readonly<Record<string, string>>;
  /** `strict`: no evidence, no start. `standard`: the failure is reported, and the start goes on. @defaultValue `strict` */
  readonly mode?: 'strict' | 'standard';
  /** The log that also gets the facts, as an event `boot`. */
  readonly writer?: EvidenceWriter;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Called when a failure is passed over in `standard` mode, to count it. */
  readonly onFailure?: () => void;
}

/** What became of the boot evidence. */
export interface BootEvidence {
  readonly file: string;
  /** The file, and the event where a writer was given, are on disk. Always true in `strict` mode. */
  readonly written: boolean;
  /** What went wrong; empty when `written`. */
  readonly problem: string;
}

/**
 * Writes what runs here to `<dir>/<policy hash>/boot.json`, durably, and to the log as an event `boot`.
 * @throws {GovernanceError} OPTIONS_INVALID; EVIDENCE_WRITE_FAILED in `strict` mode.
 */
export async function writeBootEvidence(options: BootEvidenceOptions): Promise<BootEvidence> {
  const checked = parseOptions(bootOptions, options, 'writeBootEvidence(options)');
  const folder = join(resolve(checked.dir), checked.policyHash);
  const file = join(folder, 'boot.json');
  const facts = bootFacts(checked);
  try {
    await nodeLogFiles.makeFolder(folder);
    await replaceFileDurably(file, `${canonicalJson(facts)}\n`);
    if (checked.writer !== undefined) await appendBoot(checked.writer, facts);
    return { file, written: true, problem: '' };
  } catch (error) {
    const failure = asWriteFailure(file, error);
    if (checked.mode === 'strict') throw failure;
    const problem = failure.message;
    checked.logger.error('EVIDENCE_WRITE_FAILED', { file, problem });
    checked.onFailure?.();
    return { file, written: false, problem };
  }
}

function bootFacts(options: z.output<typeof bootOptions>): Attributes {
  return {
    v: BOOT_EVIDENCE_VERSION,
    policyHash: options.policyHash,
    configDigest: options.configDigest,
    time: new Date(options.clock.wallMs()).toISOString(),
    node: process.versions.node,
    packages: options.packages,
    host: {
      arch: arch(),
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
      platform: platform(),
      release: release(),
    },
  };
}

async function appendBoot(writer: EvidenceWriter, facts: Attributes): Promise<void> {
  const ticket = writer.appendEvent({ type: 'boot', properties: facts });
  if (ticket === EVIDENCE_DROPPED) throw new Error('the log did not take the boot event');
  await writer.durable(ticket, 'disk');
}

function asWriteFailure(file: string, error: unknown): GovernanceError {
  if (error instanceof GovernanceError && error.code === 'EVIDENCE_WRITE_FAILED') return error;
  const details = { file, problem: errorMessage(error) };
  return new GovernanceError('EVIDENCE_WRITE_FAILED', details, { cause: error });
}
