import type { Limit, LimitRule } from '@cortex-governance/core';
import { BudgetCounters } from './budget-counters.ts';
import { BudgetTable } from './budget-table.ts';
import { ConcurrencyCounters } from './concurrency-counters.ts';
import { GcraCounters } from './gcra-counters.ts';
import { GcraTable } from './gcra-table.ts';
import { KeySpace, type SlotTable } from './key-space.ts';
import { keyPart, limitScope } from './limit-key.ts';
import type { LimitCounters, LimitStore, LimitStoreStats } from './limit-store.ts';
import { MemoryBounds } from './memory-bounds.ts';
import { RingTable } from './ring-table.ts';
import { WindowCounters } from './window-counters.ts';

/** A key space and its tables, by what they count. */
interface NamedSpace {
  readonly space: KeySpace;
  readonly tables: Map<string, SlotTable>;
}

/** Counters in the memory of this process. */
export class MemoryStore implements LimitStore {
  readonly notice = '';
  readonly prepare = null;
  readonly #bounds: MemoryBounds;
  readonly #spaces = new Map<string, NamedSpace>();

  constructor(maxKeys: number, maxSlots: number) {
    this.#bounds = new MemoryBounds(maxKeys, maxSlots);
  }

  open(limit: Limit, rule: LimitRule): LimitCounters {
    const { space, tables } = this.#spaceOf(limit, rule);
    const scope = limitScope(limit, rule.shadow);
    const tableOf = <T extends SlotTable>(
      kind: new (...args: never[]) => T,
      create: () => T,
    ): T => {
      const known = tables.get(scope);
      if (known instanceof kind) return known;
      const table = create();
      tables.set(scope, table);
      space.tables.push(table);
      return table;
    };
    const rings = (windowMs: number): RingTable =>
      tableOf(RingTable, () => new RingTable(windowMs, space, this.#bounds));
    switch (limit.kind) {
      case 'window':
        return new WindowCounters(limit, space, rings(limit.windowMs));
      case 'concurrency':
        return new ConcurrencyCounters(limit, space, rings(0));
      case 'gcra':
        return new GcraCounters(
          limit,
          space,
          tableOf(GcraTable, () => new GcraTable()),
        );
      case 'budget': {
        const create = (): BudgetTable => new BudgetTable(limit.windowMs, space, this.#bounds);
        return new BudgetCounters(limit, space, tableOf(BudgetTable, create));
      }
    }
  }

  stats(): LimitStoreStats & { readonly slots: number } {
    const { keys, slots, evictions } = this.#bounds;
    return { keys, slots, evictions };
  }

  async close(): Promise<void> {}

  /** One space for all limits that tell the same callers apart for the same tool and action. */
  #spaceOf({ by }: Limit, { tool, action, shadow }: LimitRule): NamedSpace {
    const name =
      `${shadow ? 's' : 'e'}${by.includes('tenant') ? 't' : ''}${by.includes('subject') ? 's' : ''}:` +
      (by.includes('tool') ? `t${keyPart(tool)}` : '') +
      (by.includes('action') ? `a${keyPart(action)}` : '');
    let named = this.#spaces.get(name);
    if (named === undefined) {
      named = { space: new KeySpace(by, this.#bounds), tables: new Map() };
      this.#spaces.set(name, named);
    }
    return named;
  }
}
