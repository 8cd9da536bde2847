import type { KillOrder, KillSwitch, KillSwitchEntry, KillTarget } from '@cortex-governance/core';

/** A state under test, empty at first. */
export interface KillSwitchFixture {
  /** Opens a switch on the state. Each is like that of another process. */
  open(): Promise<KillSwitch>;
  /** Removes the state, when all switches are closed. */
  remove(): Promise<void>;
}

/** Hands out the switches of one test; `open` adds another one on the same state. */
export interface Bench {
  first(): KillSwitch;
  open(): Promise<KillSwitch>;
}

export const OTHER = 'somebody else';

export const TARGETS: readonly KillTarget[] = [
  { scope: 'global' },
  { scope: 'tenant', tenant: 'acme' },
  { scope: 'agent', agent: 'bot' },
  { scope: 'agent', agent: 'bot', tenant: 'acme' },
  { scope: 'tool', tool: 'shell' },
  { scope: 'tool', tool: 'shell', tenant: 'acme' },
  { scope: 'action', tool: 'shell', action: 'run' },
  { scope: 'action', tool: 'shell', action: 'run', tenant: 'acme' },
];

/** The call that every target of {@link TARGETS} covers, and calls that differ in one name each. */
export const COVERED = ['acme', 'bot', 'shell', 'run'] as const;
export const NAMES = { tenant: 0, agent: 1, tool: 2, action: 3 } as const;

export function order(target: KillTarget, actor = 'ops', reason = 'drill'): KillOrder {
  return { ...target, actor, reason };
}

export function label({ scope, tenant, agent, tool, action }: KillTarget): string {
  return JSON.stringify({ scope, tenant, agent, tool, action });
}

export function find(on: KillSwitch, call: readonly string[]): KillSwitchEntry | null {
  const [tenant = '', agent = '', tool = '', action = ''] = call;
  return on.find(tenant, agent, tool, action);
}

/** The definition of `find`, as a filter over all entries. */
export function covers(entry: KillSwitchEntry, call: readonly string[]): boolean {
  if (entry.scope === 'global') return false;
  return Object.entries(NAMES).every(([name, place]) => {
    const wanted = entry[name as keyof typeof NAMES];
    return wanted === undefined || wanted === call[place];
  });
}
