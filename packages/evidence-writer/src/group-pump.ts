import type { GroupBuilder, RecordGroup } from './group-builder.ts';
import type { GroupSchedule } from './group-schedule.ts';

/** Records that are worth a write when the disk has nothing to do; while it has, groups grow. */
const EAGER_GROUP_RECORDS = 128;

/** What a pump does with groups. */
export interface PumpSteps {
  /** Stores one group; the next call comes after it has resolved. */
  readonly store: (group: RecordGroup) => Promise<void>;
  /** Ends the journal's file; nothing is being stored meanwhile. */
  readonly seal: () => Promise<void>;
  /** Told of what a step rejects with; nothing is done any more. */
  readonly onFailure: (error: unknown) => void;
}

/** Turns due records into groups and has them stored, each built while the one before it is stored. */
export class GroupPump {
  readonly #builder: GroupBuilder;
  readonly #schedule: GroupSchedule;
  readonly #steps: PumpSteps;
  #running: Promise<void> | null = null;
  #storing: Promise<void> | null = null;
  #sealing = false;
  #stopped = false;

  constructor(builder: GroupBuilder, schedule: GroupSchedule, steps: PumpSteps) {
    this.#builder = builder;
    this.#schedule = schedule;
    this.#steps = steps;
  }

  /** Whether something is under way, so that {@link run} need not be called. */
  get running(): boolean {
    return this.#running !== null;
  }

  /** Does what is due, or sees to it that it is done in time. */
  run(): void {
    if (this.#running !== null || this.#stopped) return;
    if (this.#sealing || this.#schedule.isDue()) {
      this.#schedule.stopTimer();
      this.#running = this.#runToEnd();
    } else {
      this.#schedule.startTimer();
    }
  }

  /** Has the journal's file ended before the next group. */
  requestSeal(): void {
    this.#sealing = true;
    this.run();
  }

  /** Starts nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#schedule.stopTimer();
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #runToEnd(): Promise<void> {
    // Not in the caller's turn: appending does no I/O and no hashing.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      while (!this.#stopped && (await this.#step()));
      await this.#storing;
    } catch (error) {
      // What is on its way ends first: only then may the log be given free.
      await this.#storing?.catch(() => {});
      this.#steps.onFailure(error);
    } finally {
      this.#running = null;
    }
    this.run();
  }

  /** False when nothing is left to do. */
  async #step(): Promise<boolean> {
    const isDue = this.#schedule.isDue();
    if (this.#storing !== null && (this.#sealing || !isDue)) {
      await this.#storing;
    } else if (this.#sealing) {
      await this.#steps.seal();
      this.#sealing = false;
    } else if (isDue) {
      const group = await this.#builder.take(this.#isEnough);
      this.#schedule.taken();
      await this.#storing;
      this.#store(group);
    } else {
      return false;
    }
    return true;
  }

  #store(group: RecordGroup): void {
    // One that rejects stays, so that whoever comes next meets it and goes no further.
    const storing = this.#steps.store(group).then(() => {
      if (this.#storing === storing) this.#storing = null;
    });
    storing.catch(() => {});
    this.#storing = storing;
  }

  readonly #isEnough = (records: number): boolean =>
    this.#storing === null && records >= EAGER_GROUP_RECORDS;
}
