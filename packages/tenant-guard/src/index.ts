// The complete public surface of @cortex-governance/tenant-guard: named exports only; adding a line here is adding API.

export type { RequestHeaders } from './request-headers.ts';
export type {
  TenantContext,
  TenantDenial,
  TenantDenialCode,
  TenantOrigin,
} from './tenant-context.ts';
export type { TenantCounters } from './tenant-counters.ts';
export { createTenantGuard, type TenantGuard, type TenantSource } from './tenant-guard.ts';
export type { TenantGuardOptions } from './tenant-guard-options.ts';
export { DEFAULT_TENANT, isTenantId, TENANT_ID_PATTERN } from './tenant-id.ts';
