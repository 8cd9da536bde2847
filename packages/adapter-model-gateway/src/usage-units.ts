/** Most units of one call: up to here whole numbers, and sums of two of them, are exact. */
export const MAX_UNITS = 2 ** 52;

/** An amount as whole units: rounded up, at most {@link MAX_UNITS}. */
export function wholeUnits(amount: number): number {
  return Math.min(MAX_UNITS, Math.ceil(amount));
}
