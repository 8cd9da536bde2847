import type { Limit, LimitRule } from '@cortex-governance/core';
import type { LimitCounters, LimitStore, LimitStoreStats } from './limit-store.ts';
import { SharedBudgetCounters } from './shared-budget-counters.ts';
import { SharedContext } from './shared-context.ts';
import { SharedGcraCounters } from './shared-gcra-counters.ts';
import type { SharedLayout } from './shared-memory.ts';
import { SharedSlotCounters } from './shared-slot-counters.ts';
import type { SharedTime } from './shared-time.ts';

/** Counters in memory that the worker threads of a process share. */
export class SharedStore implements LimitStore {
  readonly notice = '';
  readonly prepare = null;
  readonly #context: SharedContext;

  constructor(layout: SharedLayout, time: SharedTime) {
    this.#context = new SharedContext(layout, time);
  }

  /** Compare-and-swaps of this thread that another thread was ahead of. */
  get retries(): number {
    return this.#context.retries + this.#context.directory.retries;
  }

  open(limit: Limit, rule: LimitRule): LimitCounters {
    switch (limit.kind) {
      case 'gcra':
        return new SharedGcraCounters(limit, rule, this.#context);
      case 'budget':
        return new SharedBudgetCounters(limit, rule, this.#context);
      default:
        return new SharedSlotCounters(limit, rule, this.#context);
    }
  }

  stats(): LimitStoreStats {
    const { keys, evictions } = this.#context.directory;
    return { keys, evictions };
  }

  /** The memory belongs to all threads: there is nothing to end. */
  async close(): Promise<void> {}
}
