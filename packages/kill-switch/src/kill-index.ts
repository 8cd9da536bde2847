import { KILL_BITS, type KillSwitchEntry } from '@cortex-governance/core';

/** The stops of one name: for every tenant, and for single tenants. */
class NamedStops {
  everywhere: KillSwitchEntry | null = null;
  readonly byTenant = new Map<string, KillSwitchEntry>();

  add(entry: KillSwitchEntry): void {
    if (entry.tenant === undefined) this.everywhere ??= entry;
    else if (!this.byTenant.has(entry.tenant)) this.byTenant.set(entry.tenant, entry);
  }

  find(tenant: string): KillSwitchEntry | null {
    return this.everywhere ?? this.byTenant.get(tenant) ?? null;
  }
}

/**
 * The stops in force, compiled for lookup: a few map reads whatever their number. Immutable once built.
 * Of two entries for one target the first counts.
 */
export class KillIndex {
  readonly entries: readonly KillSwitchEntry[];
  /** KILL_BITS of the scopes that hold a stop. */
  readonly bits: number;
  readonly #tenants = new Map<string, KillSwitchEntry>();
  readonly #agents = new Map<string, NamedStops>();
  readonly #tools = new Map<string, NamedStops>();
  readonly #actions = new Map<string, Map<string, NamedStops>>();

  constructor(entries: readonly KillSwitchEntry[]) {
    this.entries = Object.freeze([...entries]);
    let bits = 0;
    for (const entry of entries) {
      bits |= KILL_BITS[entry.scope];
      this.#add(Object.freeze(entry));
    }
    this.bits = bits;
  }

  /**
   * The stop that covers this call, the broadest first: tenant, agent, tool, action; and within a
   * scope one for every tenant before one for this tenant.
   */
  find(tenant: string, agent: string, tool: string, action: string): KillSwitchEntry | null {
    return (
      this.#tenants.get(tenant) ??
      this.#agents.get(agent)?.find(tenant) ??
      this.#tools.get(tool)?.find(tenant) ??
      this.#actions.get(tool)?.get(action)?.find(tenant) ??
      null
    );
  }

  #add(entry: KillSwitchEntry): void {
    const { scope, tenant, agent, tool, action } = entry;
    if (scope === 'tenant' && tenant !== undefined) {
      if (!this.#tenants.has(tenant)) this.#tenants.set(tenant, entry);
    } else if (scope === 'agent' && agent !== undefined) {
      stopsOf(this.#agents, agent).add(entry);
    } else if (scope === 'tool' && tool !== undefined) {
      stopsOf(this.#tools, tool).add(entry);
    } else if (scope === 'action' && tool !== undefined && action !== undefined) {
      let actions = this.#actions.get(tool);
      if (actions === undefined) {
        actions = new Map();
        this.#actions.set(tool, actions);
      }
      stopsOf(actions, action).add(entry);
    }
  }
}

function stopsOf(byName: Map<string, NamedStops>, name: string): NamedStops {
  let stops = byName.get(name);
  if (stops === undefined) {
    stops = new NamedStops();
    byName.set(name, stops);
  }
  return stops;
}
