import type { Contender } from './contender.ts';
import { createRandom } from './random.ts';
import { percentile } from './statistics.ts';
import { REQUESTS } from './workload.ts';

/** Most calls in one sample: the clock's own cost is then below one nanosecond per call. */
const MOST_CALLS = 128;

/** Samples taken of a contender before the next has its turn. */
const SAMPLES_PER_TURN = 4;

/** Untimed calls at the start of a turn, in samples: what others left in the caches is not what is measured. */
const LEAD_IN = 2;

/** Two times every request: whatever is made at the first call, such as a counter, is there when time counts. */
const WARM_UP_CALLS = 2 * REQUESTS;

/** Fewer calls in a sample of what is slow, so that one turn does not starve the others. */
const SAMPLE_NS = 2_000_000;

/** Of the order of turns. */
const SEED = 1;

export interface TimerOptions {
  readonly rounds: number;
  /** Most time that one contender may use over all rounds; it then sits rounds out. */
  readonly budgetMs: number;
}

/** Nanoseconds per decision of one contender. */
export interface Timing {
  readonly name: string;
  readonly note: string;
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
  /** Calls in one sample. */
  readonly calls: number;
}

/** One contender's state in the race. */
class Runner {
  readonly contender: Contender;
  readonly samples: number[] = [];
  calls = 1;
  spentNs = 0;
  #next = 0;

  constructor(contender: Contender) {
    this.contender = contender;
  }

  /** Asks everything once, so that no first call is timed, and finds how many calls make a sample. */
  async calibrate(budgetMs: number): Promise<void> {
    await this.contender.enter?.();
    await this.#callNs(WARM_UP_CALLS, budgetMs / 5);
    const callNs = await this.#callNs(4 * MOST_CALLS, budgetMs / 10);
    this.calls = Math.min(Math.max(Math.round(SAMPLE_NS / callNs), 1), MOST_CALLS);
    await this.#leave();
  }

  /** Mean time of so many calls, or of those that the budget has time for. */
  async #callNs(most: number, budgetMs: number): Promise<number> {
    const started = performance.now();
    let calls = 0;
    while (calls < most && performance.now() - started < budgetMs) {
      await this.#run(1);
      calls += 1;
    }
    return ((performance.now() - started) * 1e6) / calls;
  }

  async turn(): Promise<void> {
    await this.contender.enter?.();
    await this.#run(LEAD_IN * this.calls);
    for (let i = 0; i < SAMPLES_PER_TURN; i += 1) {
      const ns = await this.#run(this.calls);
      this.samples.push(ns / this.calls);
    }
    await this.#leave();
  }

  async #leave(): Promise<void> {
    await this.contender.leave?.();
  }

  async #run(calls: number): Promise<number> {
    const first = this.#next;
    this.#next += calls;
    const ns = this.contender.async
      ? await timeAsync(this.contender, first, calls)
      : timeSync(this.contender, first, calls);
    this.spentNs += ns;
    return ns;
  }
}

/**
 * Times the contenders against each other in one run: in each round each has one turn, in an order that is
 * drawn anew, so that what the machine does meanwhile, and what one leaves to the next, meets all alike.
 */
export async function timeInterleaved(
  contenders: readonly Contender[],
  { rounds, budgetMs }: TimerOptions,
): Promise<readonly Timing[]> {
  const runners = contenders.map((contender) => new Runner(contender));
  for (const runner of runners) {
    await runner.calibrate(budgetMs);
    await runner.contender.settle?.();
  }
  // Contenders of one governor share it.
  const settles = new Set(contenders.map(({ settle }) => settle));
  const random = createRandom(SEED);
  for (let round = 0; round < rounds; round += 1) {
    for (const runner of shuffled(runners, random)) {
      const share = (budgetMs * 1e6 * (round + 1)) / rounds;
      if (runner.spentNs > share && runner.samples.length > 0) continue;
      await runner.turn();
    }
    for (const settle of settles) await settle?.();
  }
  return runners.map(({ contender: { name, note }, samples, calls }) => {
    const [p50, p99] = [percentile(samples, 0.5), percentile(samples, 0.99)];
    return { name, note, p50, p99, samples: samples.length, calls };
  });
}

/** A copy in random order (Fisher and Yates). */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i -= 1) {
    const k = Math.floor(random() * (i + 1));
    [order[i], order[k]] = [order[k] as T, order[i] as T];
  }
  return order;
}

function timeSync({ name, decide, allows }: Contender, first: number, calls: number): number {
  let right = 0;
  const started = process.hrtime.bigint();
  for (let i = first; i < first + calls; i += 1) if (decide(i) === allows) right += 1;
  const ns = Number(process.hrtime.bigint() - started);
  if (right !== calls) throw new Error(`${name}: ${calls - right} of ${calls} answers are wrong`);
  return ns;
}

async function timeAsync(
  { name, decide, allows }: Contender,
  first: number,
  calls: number,
): Promise<number> {
  let right = 0;
  const started = process.hrtime.bigint();
  for (let i = first; i < first + calls; i += 1) if ((await decide(i)) === allows) right += 1;
  const ns = Number(process.hrtime.bigint() - started);
  if (right !== calls) throw new Error(`${name}: ${calls - right} of ${calls} answers are wrong`);
  return ns;
}
