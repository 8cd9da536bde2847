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
  readonly #eachByItself: boolean;
  readonly #spaces = new Map<string, NamedSpace>();
  /** The tables in which a window of a rule notes its admissions. */
  readonly #noted = new WeakMap<LimitRule, Set<RingTable>>();

  /**
   * @param eachByItself whether one limit of a rule may be asked without the others; windows that count the same
   *   calls then note them each for itself.
   */
  constructor(maxKeys: number, maxSlots: number, eachByItself = false) {
    this.#bounds = new MemoryBounds(maxKeys, maxSlots);
    this.#eachByItself = eachByItself;
  }

  open(limit: Limit, rule: LimitRule): LimitCounters {
    const named = this.#spaceOf(limit, rule);
    const { space } = named;
    const scope = limitScope(limit, rule.shadow);
    switch (limit.kind) {
      case 'window': {
        // Where all windows count the same calls, they share one ring, whatever their lengths.
        const shared = space.ofOneAction && !this.#eachByItself;
        const table = this.#rings(named, shared ? 'window' : scope);
        return new WindowCounters(limit, space, table, this.#isFirst(rule, table));
      }
      case 'concurrency':
        return new ConcurrencyCounters(limit, space, this.#rings(named, scope));
      case 'gcra':
        return new GcraCounters(
          limit,
          space,
          tableOf(named, scope, GcraTable, () => new GcraTable()),
        );
      case 'budget': {
        const create = (): BudgetTable => new BudgetTable(limit.windowMs, space, this.#bounds);
        return new BudgetCounters(limit, space, tableOf(named, scope, BudgetTable, create));
      }
    }
  }

  stats(): LimitStoreStats & { readonly slots: number } {
    const { keys, slots, evictions } = this.#bounds;
    return { keys, slots, evictions };
  }

  async close(): Promise<void> {}

  #rings(named: NamedSpace, name: string): RingTable {
    return tableOf(named, name, RingTable, () => new RingTable(named.space, this.#bounds));
  }

  /** Whether this is the rule's first window on a table. */
  #isFirst(rule: LimitRule, table: RingTable): boolean {
    const tables = this.#noted.get(rule) ?? new Set();
    this.#noted.set(rule, tables);
    const first = !tables.has(table);
    tables.add(table);
    return first;
  }

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

function tableOf<T extends SlotTable>(
  { space, tables }: NamedSpace,
  name: string,
  kind: new (...args: never[]) => T,
  create: () => T,
): T {
  const known = tables.get(name);
  if (known instanceof kind) return known;
  const table = create();
  tables.set(name, table);
  space.tables.push(table);
  return table;
}
