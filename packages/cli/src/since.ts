const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/**
 * Milliseconds since the Unix epoch that a text names: an ISO 8601 time (a bare date is midnight UTC), or
 * an age such as `15m` before now; 0 for what lies before 1970, where no record can be. Null for anything else.
 */
export function parseSince(text: string, nowMs: number): number | null {
  const age = /^(\d{1,9})([smhd])$/.exec(text);
  if (age !== null) {
    return Math.max(0, nowMs - Number(age[1]) * (UNITS_MS[age[2] ?? ''] ?? 0));
  }
  if (!ISO_8601.test(text)) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
