/** What a stop covers. Scopes other than `global` may be narrowed to one tenant. */
export const KILL_SCOPES = ['global', 'tenant', 'agent', 'tool', 'action'] as const;

export type KillScope = (typeof KILL_SCOPES)[number];

/**
 * Bits of {@link KillSwitchReader.engaged}: which scopes hold at least one stop. `UNREADABLE` is
 * set while the state cannot be read; it stops everything.
 */
export const KILL_BITS = Object.freeze({
  global: 1,
  tenant: 2,
  agent: 4,
  tool: 8,
  action: 16,
  UNREADABLE: 32,
});

/** What is stopped. The members that a scope needs: tenant → `tenant`; agent → `agent`; tool → `tool`; action → `tool` and `action`. */
export interface KillTarget {
  readonly scope: KillScope;
  readonly tenant?: string;
  readonly agent?: string;
  readonly tool?: string;
  readonly action?: string;
}

/** Who changes the switch, and why. Both are required: a stop without a reason is not accepted. */
export interface KillOrder extends KillTarget {
  readonly actor: string;
  readonly reason: string;
}

/** A stop in force. */
export interface KillSwitchEntry extends KillOrder {
  /** ISO 8601 UTC time at which the stop was ordered. */
  readonly at: string;
}

/** A change of the switch, as recorded in evidence. */
export interface KillSwitchChange {
  readonly type: 'engaged' | 'released' | 'unreadable' | 'readable';
  /** Null for `unreadable` and `readable`. */
  readonly target: KillTarget | null;
  readonly actor: string;
  readonly reason: string;
  readonly at: string;
}

/** What the engine reads on every decision. Implementations MUST NOT do I/O here. */
export interface KillSwitchReader {
  /** {@link KILL_BITS} of the scopes with a stop; 0 when nothing is stopped. One typed-array load. */
  engaged(): number;
  /** The stop that covers this call in a scope other than `global`, or null. */
  find(tenant: string, agent: string, tool: string, action: string): KillSwitchEntry | null;
}

/** Where the switch stands, for status pages and health. */
export interface KillSwitchStatus {
  readonly readable: boolean;
  /** Why the state cannot be read; empty when it can. */
  readonly problem: string;
  /** Rises with every change of the state. */
  readonly version: number;
  readonly entries: readonly KillSwitchEntry[];
}

/** The operator's stop. */
export interface KillSwitch extends KillSwitchReader {
  /**
   * Stops what the order names. In force in this process before the promise settles, and durable
   * when it resolves. @throws {GovernanceError} OPTIONS_INVALID, KILL_SWITCH_WRITE_FAILED (the stop stays
   * in force in this process).
   */
  engage(order: KillOrder): Promise<KillSwitchEntry>;
  /** Ends a stop; resolves with it, or null when there was none. @throws as {@link engage}; the stop then stays in force. */
  release(order: KillOrder): Promise<KillSwitchEntry | null>;
  /** Takes in what other processes changed, now. Never rejects: an unreadable state stops. */
  refresh(): Promise<void>;
  status(): KillSwitchStatus;
  /** Calls back on every change, whoever made it. Returns the function that ends this. */
  onChange(listener: (change: KillSwitchChange) => void): () => void;
  close(): Promise<void>;
}
