import type { LimitCounter } from './limit-counter.ts';

type ByTenant = Map<string, LimitCounter>;
type ByAction = Map<string, ByTenant>;

/**
 * Counters by tool, action and tenant. Nested maps: joined keys would let one name that holds the
 * delimiter share another's counter.
 */
export class CounterTable {
  readonly #byTool = new Map<string, ByAction>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(tool: string, action: string, tenant: string): LimitCounter | undefined {
    return this.#byTool.get(tool)?.get(action)?.get(tenant);
  }

  /** Adds a counter whose key is not in the table. */
  add(counter: LimitCounter): void {
    let byAction = this.#byTool.get(counter.tool);
    if (byAction === undefined) {
      byAction = new Map();
      this.#byTool.set(counter.tool, byAction);
    }
    let byTenant = byAction.get(counter.action);
    if (byTenant === undefined) {
      byTenant = new Map();
      byAction.set(counter.action, byTenant);
    }
    byTenant.set(counter.tenant, counter);
    this.#size += 1;
  }

  /** Removes a counter, and the maps that it leaves empty. */
  remove(counter: LimitCounter): void {
    const byAction = this.#byTool.get(counter.tool);
    const byTenant = byAction?.get(counter.action);
    if (byAction === undefined || byTenant === undefined) return;
    if (!byTenant.delete(counter.tenant)) return;
    this.#size -= 1;
    if (byTenant.size > 0) return;
    byAction.delete(counter.action);
    if (byAction.size === 0) this.#byTool.delete(counter.tool);
  }
}
