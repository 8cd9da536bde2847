import type { Clock, Logger } from '@cortex-governance/core';
import type { RedisConnection } from './redis-connection.ts';
import { RedisOutage } from './redis-outage.ts';
import type { RedisScript } from './redis-script.ts';

/** A store that answers, but not for this key: the key holds another type, or the answer is not ours. */
export class RedisKeyFault extends Error {}

class NoAnswer extends Error {}

/** Faults of keys are logged this far apart, in milliseconds: one fault tends to come with many. */
const KEY_FAULT_LOG_MS = 60_000;

/** Error replies that concern one key: of its type, or of what the script found there. */
const KEY_ERRORS = /WRONGTYPE|user_script/;

/**
 * Error replies of a server that cannot serve, whichever key. They may come out of a script, and then name its
 * line as those that concern a key do. All that are not of a key count as these.
 */
const SERVER_ERRORS =
  /\b(READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN|LOADING|BUSY|CLUSTERDOWN|TRYAGAIN|NOAUTH|NOPERM)\b/;

/** Of a server that was a primary: the address may belong to another one by now. */
const DEMOTED = /\bREADONLY\b/;

export interface RedisLinkOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/**
 * Calls to the store, each answered or given up within `timeoutMs`. A part of the store that fails is asked
 * again by one call at a time, after a wait that grows to two seconds; the others fail at once meanwhile.
 */
export class RedisLink {
  readonly #connection: RedisConnection;
  readonly #options: RedisLinkOptions;
  readonly #outages = new Map<number, RedisOutage>();
  #closed = false;
  #hurried = false;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  constructor(connection: RedisConnection, options: RedisLinkOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Whether no part of the store failed to answer when last asked. */
  get isUp(): boolean {
    return this.#outages.size === 0;
  }

  /** Whether the part of the store that serves this group gave no answer when last asked. */
  isDown(group: number): boolean {
    return this.#outages.size !== 0 && this.#outages.has(group);
  }

  /** Whether a call may be made now. */
  mayCall(group: number, nowMs: number): boolean {
    if (this.#closed || this.#hurried) return !this.#closed;
    const outage = this.#outages.get(group);
    return outage === undefined || outage.mayProbe(nowMs);
  }

  /** As {@link mayCall}; after a true answer the call MUST be made. */
  reserveCall(group: number, nowMs: number): boolean {
    if (this.#closed || this.#hurried) return !this.#closed;
    const outage = this.#outages.get(group);
    return outage === undefined || outage.tryProbe(nowMs);
  }

  /** From here on calls are made without waits between them: the last ones before {@link close}. */
  hurry(): void {
    this.#hurried = true;
  }

  /** Logs that the store holds something for a key that is not a counter, at most once a minute. */
  reportKeyFault(key: string, fault: RedisKeyFault): void {
    const { clock, logger } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = nowMs + KEY_FAULT_LOG_MS;
    logger.error('LIMIT_STORE_KEY_INVALID', { key, problem: fault.message });
  }

  /** Asks once whether the store answers, with the time that a first connection takes. Never rejects. */
  async probe(group: number, script: RedisScript, key: string, timeoutMs: number): Promise<void> {
    await this.call(group, script, key, [], timeoutMs).catch(() => {});
  }

  /** Rejects when there is no answer in time, or none that helps. */
  async call(
    group: number,
    script: RedisScript,
    key: string,
    args: readonly string[],
    timeoutMs: number = this.#options.timeoutMs,
  ): Promise<string> {
    try {
      const asked = this.#connection.evalScript(script, [key], args);
      const reply = await this.#inTime(asked, timeoutMs);
      this.#answered(group);
      if (typeof reply !== 'string') throw new RedisKeyFault(`the reply is a ${typeof reply}`);
      return reply;
    } catch (error) {
      if (error instanceof RedisKeyFault) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (!(error instanceof NoAnswer) && isOfKey(message)) {
        this.#answered(group);
        throw new RedisKeyFault(message);
      }
      this.#failed(group, message);
      if (error instanceof NoAnswer || this.#mayHaveMoved(message)) this.#connection.renew?.();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connection.close();
  }

  /** Whether another server may serve the key by now, which this connection does not hear of. */
  #mayHaveMoved(problem: string): boolean {
    return this.#connection.sharded === true || DEMOTED.test(problem);
  }

  #inTime(reply: Promise<unknown>, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new NoAnswer(`no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      reply.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #answered(group: number): void {
    if (this.#outages.size === 0 || !this.#outages.delete(group)) return;
    if (this.#outages.size === 0) this.#options.logger.info('LIMIT_STORE_RECOVERED');
  }

  #failed(group: number, problem: string): void {
    const { clock, logger, random } = this.#options;
    if (this.#closed) return;
    let outage = this.#outages.get(group);
    if (outage === undefined) {
      if (this.#outages.size === 0) logger.warn('LIMIT_STORE_UNAVAILABLE', { problem });
      outage = new RedisOutage();
      this.#outages.set(group, outage);
    }
    outage.failed(clock.monotonicMs(), random());
  }
}

function isOfKey(problem: string): boolean {
  return KEY_ERRORS.test(problem) && !SERVER_ERRORS.test(problem);
}
