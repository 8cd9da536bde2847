import { type DenialCode, REASON_CODES } from '@cortex-governance/core';

/** The codes of a request that gets no tenant. */
export type TenantDenialCode = Extract<
  DenialCode,
  | 'TENANT_MISSING'
  | 'TENANT_MALFORMED'
  | 'TENANT_TOKEN_INVALID'
  | 'TENANT_SOURCE_UNTRUSTED'
  | 'TENANT_UNKNOWN'
  | 'TENANT_CONFLICT'
  | 'REQUEST_INVALID'
  | 'ENGINE_FAULT'
>;

/** What vouches for the tenant: a verified token, a trusted peer's header, or the lack of any other tenant. */
export type TenantOrigin = 'token' | 'header' | 'default';

/** Whose request this is. */
export interface TenantContext {
  readonly ok: true;
  /** A tenant that the guard knows. */
  readonly tenant: string;
  /** The token's subject; absent when the tenant does not come from a token, or the token names none. */
  readonly subject?: string;
  /** Why the caller says it asks. It is the caller's own statement: authenticated, never proved. */
  readonly purpose?: string;
  readonly source: TenantOrigin;
}

/** Why a request gets no tenant. Safe to send to the caller: it never says why a token is not valid. */
export interface TenantDenial {
  readonly ok: false;
  readonly code: TenantDenialCode;
  readonly httpStatus: number;
  readonly reason: string;
}

/** The denial with this code; status and reason are those of core's table. */
export function tenantDenial(code: TenantDenialCode): TenantDenial {
  const { httpStatus, message } = REASON_CODES[code];
  return { ok: false, code, httpStatus, reason: message };
}
