import { join, resolve } from 'node:path';
import { errorMessage, type Logger, parseOptions, silentLogger } from '@cortex-governance/core';
import { z } from 'zod';
import { nodeLogFiles } from '../log-files.ts';
import { WITNESSED_CHECKPOINT_FILE } from '../log-layout.ts';
import { type LogProver, openLogProver } from '../proof/log-prover.ts';
import { parseVerifierKey } from '../verifier-key.ts';
import { type WitnessAddress, WitnessClient } from './witness-client.ts';

/** How often a new checkpoint is shown to the witnesses, in milliseconds: once a minute. */
export const DEFAULT_WITNESS_INTERVAL_MS = 60_000;

/** Longest wait for one answer of a witness, in milliseconds. */
export const DEFAULT_WITNESS_TIMEOUT_MS = 10_000;

/** Most witnesses of a log. */
const MAX_WITNESSES = 16;

/** How often a witness is asked in one round: it may know another size than thought. */
const MAX_TRIES = 3;

const MAX_TIMER_MS = 2_147_483_647;

const witness = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .refine(isWithoutCredentials, 'must hold no user or password'),
  key: z.string().refine(isWitnessKey, 'not the vkey line of a witness'),
});

const followerOptions = z
  .strictObject({
    dir: z.string().min(1),
    witnesses: z.array(witness).min(1).max(MAX_WITNESSES),
    quorum: z.int().min(1).max(MAX_WITNESSES).optional(),
    intervalMs: z.int().min(1).max(MAX_TIMER_MS).default(DEFAULT_WITNESS_INTERVAL_MS),
    timeoutMs: z.int().min(1).max(MAX_TIMER_MS).default(DEFAULT_WITNESS_TIMEOUT_MS),
    logger: z.custom<Logger>((l) => typeof l === 'object' && l !== null).default(silentLogger),
  })
  .refine(
    ({ witnesses }) => new Set(witnesses.map(({ key }) => key.trim())).size === witnesses.length,
    {
      path: ['witnesses'],
      message: 'name a key twice: one witness counts once',
    },
  )
  .refine(({ witnesses, quorum = 1 }) => quorum <= witnesses.length, {
    path: ['quorum'],
    message: 'more than there are witnesses',
  });

/** Whether a string is the `vkey` line of a witness. */
export function isWitnessKey(line: string): boolean {
  return parseVerifierKey(line, 'cosignature') !== null;
}

/** Whether a URL holds no user or password, which would end up in every error. */
export function isWithoutCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username === '' && password === '';
}

/** Options of {@link createWitnessFollower}. */
export interface WitnessFollowerOptions {
  /** The log's folder. */
  readonly dir: string;
  readonly witnesses: readonly WitnessAddress[];
  /** Cosignatures that make a checkpoint witnessed. @defaultValue all witnesses */
  readonly quorum?: number | undefined;
  /** @defaultValue {@link DEFAULT_WITNESS_INTERVAL_MS} */
  readonly intervalMs?: number;
  /** @defaultValue {@link DEFAULT_WITNESS_TIMEOUT_MS} */
  readonly timeoutMs?: number;
  readonly logger?: Logger;
}

/** Where a follower stands. */
export interface WitnessStatus {
  /** Records under the newest checkpoint that enough witnesses cosigned. */
  readonly witnessed: number;
  /** What went wrong in the last round, by witness; empty when nothing did. */
  readonly problems: Readonly<Record<string, string>>;
}

/** Shows a log's checkpoints to its witnesses, in the background. */
export interface WitnessFollower {
  /** Shows the newest checkpoint now. Resolves when every witness answered or failed. */
  round(): Promise<WitnessStatus>;
  status(): WitnessStatus;
  /** Ends it, and does not wait for witnesses that have not answered. */
  close(): Promise<void>;
}

/**
 * Shows each new checkpoint of a log to witnesses, and keeps the newest that enough of them cosigned in
 * the log's folder, as `checkpoint.witnessed`. Who trusts the witnesses then knows that the log was not
 * cut back or forked up to there, whoever holds its key. A witness that is gone is asked again at the
 * next interval and never holds up the log; one that knows a longer log or another one is an alarm.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function createWitnessFollower(options: WitnessFollowerOptions): WitnessFollower {
  const checked = parseOptions(followerOptions, options, 'createWitnessFollower(options)');
  const clients = checked.witnesses.map((one) => new WitnessClient(one, checked.timeoutMs));
  const { dir, quorum = clients.length, intervalMs, logger } = checked;
  return new PollingWitnessFollower(resolve(dir), clients, quorum, intervalMs, logger);
}

class PollingWitnessFollower implements WitnessFollower {
  readonly #dir: string;
  readonly #clients: readonly WitnessClient[];
  readonly #quorum: number;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;
  readonly #ended = new AbortController();
  /** By witness: size of the newest tree that it cosigned, as far as is known. */
  readonly #sizes = new Map<WitnessClient, number>();
  #problems: Record<string, string> = {};
  #witnessed = 0;
  #running: Promise<WitnessStatus> | null = null;

  constructor(
    dir: string,
    clients: readonly WitnessClient[],
    quorum: number,
    intervalMs: number,
    logger: Logger,
  ) {
    this.#dir = dir;
    this.#clients = clients;
    this.#quorum = quorum;
    this.#logger = logger;
    this.#timer = setInterval(() => void this.round(), intervalMs);
    this.#timer.unref();
  }

  round(): Promise<WitnessStatus> {
    this.#running ??= this.#round().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  status(): WitnessStatus {
    return { witnessed: this.#witnessed, problems: { ...this.#problems } };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#ended.abort();
    await this.#running;
  }

  async #round(): Promise<WitnessStatus> {
    const problems: Record<string, string> = {};
    try {
      const prover = await openLogProver(this.#dir);
      const { size } = prover.checkpoint;
      if (size > this.#witnessed) {
        const asked = this.#clients.map((client) => this.#ask(client, prover, problems));
        await this.#keep(
          prover,
          (await Promise.all(asked)).filter((lines) => lines !== ''),
        );
      }
    } catch (error) {
      this.#report(problems, this.#dir, errorMessage(error));
    }
    this.#problems = problems;
    return this.status();
  }

  async #keep(prover: LogProver, lines: readonly string[]): Promise<void> {
    if (lines.length < this.#quorum) return;
    const file = join(this.#dir, WITNESSED_CHECKPOINT_FILE);
    await nodeLogFiles.replaceFile(file, prover.note + lines.join(''));
    this.#witnessed = prover.checkpoint.size;
  }

  /** The witness's signature lines; empty when it gave none, for the reason reported. */
  async #ask(
    client: WitnessClient,
    prover: LogProver,
    problems: Record<string, string>,
  ): Promise<string> {
    const { size } = prover.checkpoint;
    let problem = 'knows another size at every try';
    try {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const old = Math.min(this.#sizes.get(client) ?? 0, size);
        const proof = old === 0 || old === size ? [] : await prover.consistencyProof(old);
        const answer = await client.submit(old, proof, prover.note, this.#ended.signal);
        if (answer.kind === 'cosigned') {
          this.#sizes.set(client, size);
          return answer.line;
        }
        if (answer.kind === 'inconsistent') {
          this.#alarm(problems, client, `saw another log of this name: ${answer.problem}`);
          return '';
        }
        if (answer.size > size) {
          this.#alarm(problems, client, `saw ${answer.size} records; the log has ${size}`);
          return '';
        }
        this.#sizes.set(client, answer.size);
      }
    } catch (error) {
      problem = errorMessage(error);
    }
    this.#report(problems, client.key.name, problem);
    return '';
  }

  /** The log is not the one that the witness saw: cut back, restored from a copy, or forged. */
  #alarm(problems: Record<string, string>, client: WitnessClient, problem: string): void {
    const witness = client.key.name;
    if (!this.#isNews(problems, witness, problem)) return;
    this.#logger.error('EVIDENCE_WITNESS_REFUSED', { witness, dir: this.#dir, problem });
  }

  #report(problems: Record<string, string>, witness: string, problem: string): void {
    if (!this.#isNews(problems, witness, problem)) return;
    this.#logger.error('EVIDENCE_WITNESS_FAILED', { witness, dir: this.#dir, problem });
  }

  /** Notes a problem. One that stays the same is told once; one with a witness that was not waited for, never. */
  #isNews(problems: Record<string, string>, witness: string, problem: string): boolean {
    problems[witness] = problem;
    return this.#problems[witness] !== problem && !this.#ended.signal.aborted;
  }
}
