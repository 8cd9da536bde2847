import type { DenialCode } from '../reason-code.ts';

/** Which tenants exist. Consulted on every decision; implementations MUST NOT do I/O here. */
export interface TenantRegistry {
  /** Null for a known tenant; otherwise the code of the denial. Takes any string, the empty one included. */
  check(tenant: string): DenialCode | null;
}
