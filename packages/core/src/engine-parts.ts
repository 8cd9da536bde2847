import type { Clock } from './clock.ts';
import type { EvidenceSink } from './ports/evidence-sink.ts';
import type { GrantSource } from './ports/grant-source.ts';
import type { KillSwitchReader } from './ports/kill-switch.ts';
import type { PolicyBackend } from './ports/policy-backend.ts';
import type { RateLimiter } from './ports/rate-limiter.ts';
import type { TenantRegistry } from './ports/tenant-registry.ts';
import type { Stage } from './stage.ts';
import type { VerdictIdSource } from './verdict-id.ts';

/** What a `DecisionEngine` is made of. Every part is a port. */
export interface EngineParts {
  readonly killSwitch: KillSwitchReader;
  readonly tenants: TenantRegistry;
  readonly grants: GrantSource;
  readonly limiter: RateLimiter;
  readonly evidence: EvidenceSink;
  /** Narrows what the grants allow; null when the grants alone decide. */
  readonly policy: PolicyBackend | null;
  readonly clock: Clock;
  readonly ids?: VerdictIdSource;
  /** Told about every part that threw; the verdict was ENGINE_FAULT. MUST NOT throw. */
  readonly onFault?: (stage: Stage, error: unknown) => void;
}
