import { parseGrant, type RedisGrant } from './redis-grant.ts';
import { RedisKeyFault, type RedisLink } from './redis-link.ts';
import { RedisOutage } from './redis-outage.ts';
import type { RedisScript } from './redis-script.ts';

/** Answer of a take that needs units which are being fetched. */
export const LEASE_PENDING = -3;

/** Answer of a take that needs units while the store does not answer. */
export const STORE_DOWN = -4;

/**
 * What is held without being used goes back to the store after this long, in milliseconds; a refusal by the
 * store is believed as long before it is asked again, because others may have given back.
 */
export const HOLD_MS = 1000;

/** Units of a waiter that waits for the call under way, whatever it brings. */
const SETTLED = -1;

/** Rounds of a waiter: the call that was under way when it came, and one of its own. */
const WAIT_ROUNDS = 2;

/** What cells share: the store, its clock, and how this process is named there. */
export interface CellHost {
  readonly link: RedisLink;
  /** Milliseconds on the clock of the takes; never goes back. */
  now(): number;
  readonly random: () => number;
  readonly clientId: string;
  nextCall(): number;
  /** The cell holds something that {@link RedisCell.sweep} has to look at. */
  touched(cell: RedisCell): void;
}

/** One call of a cell to the store. */
export interface CellCall {
  readonly script: RedisScript;
  readonly args: readonly string[];
  /** Most that it may grant. */
  readonly want: number;
}

interface Waiter {
  readonly units: number;
  readonly done: () => void;
  rounds: number;
}

/**
 * One counter, as this process holds a part of it. At most one call is under way for it; what comes
 * meanwhile waits for the next one.
 */
export abstract class RedisCell {
  protected readonly host: CellHost;
  readonly #key: string;
  readonly #group: number;
  readonly #waiters: Waiter[] = [];
  #fault: RedisOutage | null = null;
  #calling = false;
  #scheduled = false;
  #refusedUntilMs = 0;
  #recheckAtMs = 0;
  /** Takes of up to this many units were not refused. */
  #refusedOver = 0;

  constructor(host: CellHost, key: string, group: number) {
    this.host = host;
    this.#key = key;
    this.#group = group;
  }

  /** Gives what is not used back to the store. False when nothing is held and the cell can be dropped. */
  abstract sweep(nowMs: number): boolean;
  /** Gives everything back to the store that is not in use. */
  abstract release(): void;
  /** The next call to the store; null when there is nothing to ask for. */
  protected abstract nextCall(nowMs: number): CellCall | null;
  /** Takes in what was granted to the latest call. */
  protected abstract accept(grant: RedisGrant, sentAtMs: number, nowMs: number): void;
  /** Units held that count for a take, which needs only so many more from the store. */
  protected abstract free(nowMs: number): number;
  /** Whether units are there for one more waiter after those who were told before. */
  protected abstract claim(units: number, nowMs: number): boolean;

  get isDown(): boolean {
    return this.#fault !== null || this.host.link.isDown(this.#group);
  }

  /** Whether a call is under way or about to be made. */
  get isBusy(): boolean {
    return this.#calling || this.#scheduled;
  }

  /** Resolves when the call under way is answered or given up. */
  settled(): Promise<void> {
    return this.isBusy ? this.#wait(SETTLED) : Promise.resolve();
  }

  /** Resolves when `units` were fetched, refused, or cannot be had; null when there is no need to wait. */
  protected fetch(units: number, nowMs: number): Promise<void> | null {
    if (this.claim(units, nowMs)) return null;
    if (this.refusal(units, nowMs) > 0 && nowMs < this.#recheckAtMs) return null;
    if (this.isDown && !this.#mayTry(nowMs)) return null;
    const fetched = this.#wait(units);
    this.ask();
    return fetched;
  }

  /** Milliseconds for which the store has refused so many units more; 0 when it has not. */
  protected refusal(units: number, nowMs: number): number {
    return nowMs < this.#refusedUntilMs && units - this.free(nowMs) > this.#refusedOver
      ? Math.max(1, this.#refusedUntilMs - nowMs)
      : 0;
  }

  /** Answer of a take for which there are not enough units; asks the store for more. */
  protected miss(units: number, nowMs: number): number {
    const wait = this.refusal(units, nowMs);
    if (wait === 0 || nowMs >= this.#recheckAtMs) this.ask();
    if (wait !== 0) return wait;
    return this.isDown ? STORE_DOWN : LEASE_PENDING;
  }

  /** As {@link miss}, and asks nobody. */
  protected peekMiss(units: number, nowMs: number): number {
    const wait = this.refusal(units, nowMs);
    if (wait !== 0) return wait;
    return this.isDown ? STORE_DOWN : LEASE_PENDING;
  }

  /** Whether the store has refused more than there is. */
  protected isRefused(nowMs: number): boolean {
    return nowMs < this.#recheckAtMs;
  }

  /** @param over so many units more were not refused. */
  protected noteRefusal(waitMs: number, over: number, nowMs: number, recheckMs = HOLD_MS): void {
    this.#refusedUntilMs = nowMs + waitMs;
    this.#recheckAtMs = nowMs + Math.min(waitMs, recheckMs);
    this.#refusedOver = over;
  }

  /** What the store has refused before may be had now. */
  protected forgetRefusal(): void {
    this.#refusedUntilMs = 0;
    this.#recheckAtMs = 0;
  }

  /** Those who wait for units. */
  protected get waiting(): readonly { readonly units: number }[] {
    return this.#waiters.filter(({ units }) => units !== SETTLED);
  }

  /** Calls the store once the running task is over, so that everything it asks for goes in one call. */
  protected ask(): void {
    this.host.touched(this);
    if (this.#calling || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#call();
    });
  }

  async #call(): Promise<void> {
    const { link, random } = this.host;
    const sentAtMs = this.host.now();
    const call = this.#mayTry(sentAtMs) ? this.nextCall(sentAtMs) : null;
    if (call === null || !this.#reserveTry(sentAtMs)) {
      this.#tellAll();
      return;
    }
    this.#calling = true;
    try {
      const reply = await link.call(this.#group, call.script, this.#key, call.args);
      const grant = parseGrant(reply, call.want);
      if (grant === null) throw new RedisKeyFault('the reply is not one of the script');
      this.#calling = false;
      this.#fault = null;
      const nowMs = this.host.now();
      this.accept(grant, sentAtMs, nowMs);
      this.#tell(nowMs);
    } catch (error) {
      this.#calling = false;
      if (error instanceof RedisKeyFault) {
        this.#fault ??= new RedisOutage();
        this.#fault.failed(this.host.now(), random());
        link.reportKeyFault(this.#key, error);
      }
      this.#tellAll();
    }
  }

  #mayTry(nowMs: number): boolean {
    if (this.#fault !== null && !this.#fault.mayProbe(nowMs)) return false;
    return this.host.link.mayCall(this.#group, nowMs);
  }

  #reserveTry(nowMs: number): boolean {
    if (this.#fault !== null && !this.#fault.tryProbe(nowMs)) return false;
    return this.host.link.reserveCall(this.#group, nowMs);
  }

  #wait(units: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ units, done: resolve, rounds: 0 });
    });
  }

  /** Tells waiters whose units are there or refused; the others wait for one more call. */
  #tell(nowMs: number): void {
    const rest = this.#waiters.splice(0).filter((waiter) => {
      waiter.rounds += 1;
      const over =
        waiter.units === SETTLED ||
        this.claim(waiter.units, nowMs) ||
        this.refusal(waiter.units, nowMs) > 0 ||
        waiter.rounds >= WAIT_ROUNDS;
      if (over) waiter.done();
      return !over;
    });
    if (rest.length === 0) return;
    this.#waiters.push(...rest);
    this.ask();
  }

  #tellAll(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.done();
  }
}
