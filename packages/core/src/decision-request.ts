import type { Attributes } from './attributes.ts';

/** Who asks. `type` is `agent` for calls made by {@link toolCall}. */
export interface Subject {
  readonly type: string;
  readonly id: string;
  readonly properties?: Attributes;
}

/** What is asked. `properties` are the call's arguments. */
export interface Action {
  readonly name: string;
  readonly properties?: Attributes;
}

/** What it is asked on. With type `tool`, `id` is the `tool` of a grant. */
export interface Resource {
  readonly type: string;
  readonly id: string;
  readonly properties?: Attributes;
}

/** One question: AuthZEN 1.0's information model, plus the tenant and the call id. */
export interface DecisionRequest {
  readonly tenant: string;
  readonly subject: Subject;
  readonly action: Action;
  readonly resource: Resource;
  readonly context?: Attributes;
  /**
   * Names the call of this subject, so that asking again about it never consumes a limit twice.
   * Unique per subject, tool and action within the longest window of the limit.
   * It MUST be chosen by the enforcer, never by the governed agent.
   */
  readonly callId?: string;
}
