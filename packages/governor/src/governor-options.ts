import type { Clock, Logger, PolicyBackend } from '@cortex-governance/core';

/** Options of `createGovernor`. */
export interface GovernorOptions {
  /** The `.cortex` folder. @defaultValue `.cortex` in the working directory */
  readonly root?: string;
  /**
   * Name of this process's evidence log. When another process holds it, `name-2` and so on are tried.
   * @defaultValue `app`
   */
  readonly name?: string;
  /** Obligation types that this process can meet; an allow with any other is denied by `enforce`. @defaultValue none */
  readonly supportedObligations?: readonly string[];
  /** Narrows what the grants allow. @defaultValue null */
  readonly policy?: PolicyBackend | null;
  /** @defaultValue the system's clocks */
  readonly clock?: Clock;
  /** @defaultValue JSON lines on stderr at `log.level` */
  readonly logger?: Logger;
}
