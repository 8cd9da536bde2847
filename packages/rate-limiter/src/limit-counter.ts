import { AdmissionRing } from './admission-ring.ts';

/** The admissions of one tenant for one action of one tool. */
export class LimitCounter {
  readonly tool: string;
  readonly action: string;
  readonly tenant: string;
  readonly ring: AdmissionRing;
  /** Longest window that any rule has had for this key: how long an admission matters. */
  retainMs: number;
  /** Largest limit that any rule has had for this key: how many admissions matter. */
  retainCount: number;
  /** Time of the last admission. */
  lastMs: number;
  /** Neighbours in the {@link IdleQueue}. */
  older: LimitCounter | null = null;
  younger: LimitCounter | null = null;

  constructor(
    tool: string,
    action: string,
    tenant: string,
    slots: number,
    retainMs: number,
    retainCount: number,
    nowMs: number,
  ) {
    this.tool = tool;
    this.action = action;
    this.tenant = tenant;
    this.ring = new AdmissionRing(slots);
    this.retainMs = retainMs;
    this.retainCount = retainCount;
    this.lastMs = nowMs;
  }

  /** Whether no admission is inside a window any more, so that the counter equals a new one. */
  isIdle(nowMs: number): boolean {
    return nowMs - this.lastMs >= this.retainMs;
  }
}
