import type { TenantDenialCode } from './tenant-context.ts';

/** What a guard counted since it was made. Totals that only rise, for a metrics registry to read. */
export interface TenantCounters {
  /** Requests and decisions without a tenant: the metric `security_tenant_missing_context_total`. */
  readonly missingContext: number;
  /** Requests that were given the tenant `default` for want of one (`failClosed: false`). */
  readonly fallbacks: number;
  /** Tokens refused because the keys could not be had. */
  readonly keysUnavailable: number;
  /** Requests that `derive` refused, by code. */
  readonly denied: Readonly<Partial<Record<TenantDenialCode, number>>>;
}

/** The guard's own, writable side of {@link TenantCounters}. */
export class TenantTally {
  missingContext = 0;
  fallbacks = 0;
  keysUnavailable = 0;
  readonly #denied = new Map<TenantDenialCode, number>();

  denied(code: TenantDenialCode): void {
    this.#denied.set(code, (this.#denied.get(code) ?? 0) + 1);
    if (code === 'TENANT_MISSING') this.missingContext += 1;
  }

  snapshot(): TenantCounters {
    return {
      missingContext: this.missingContext,
      fallbacks: this.fallbacks,
      keysUnavailable: this.keysUnavailable,
      denied: Object.fromEntries(this.#denied),
    };
  }
}
