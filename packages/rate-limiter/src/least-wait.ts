/**
 * The fewest whole milliseconds, at least 1, after which a time is `ageMs` old: the least `wait` with
 * `nowMs + wait - timeMs >= ageMs`. The sum rounds, so the estimate can be off by one either way; the
 * test that admits has the last word.
 */
export function leastWait(timeMs: number, ageMs: number, nowMs: number): number {
  let waitMs = Math.max(1, Math.ceil(timeMs + ageMs - nowMs));
  while (waitMs > 1 && nowMs + (waitMs - 1) - timeMs >= ageMs) waitMs -= 1;
  while (nowMs + waitMs - timeMs < ageMs) waitMs += 1;
  return waitMs;
}
