/** The one tenant of a guard for which no tenants are named. */
export const DEFAULT_TENANT = 'default';

/**
 * Shape of a tenant id: 1 to 64 letters, digits, dots, underscores and hyphens, the first and last
 * a letter or digit. It has no character that means anything in a path, a header, a log line or a
 * metric label. Case counts: `Acme` and `acme` are two ids, and one guard refuses to know both.
 */
export const TENANT_ID_PATTERN: RegExp = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/i;

/** Whether a value has the shape of a tenant id; says nothing about whether the tenant exists. */
export function isTenantId(value: unknown): value is string {
  return typeof value === 'string' && TENANT_ID_PATTERN.test(value);
}
