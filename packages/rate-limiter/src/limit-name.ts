import type { Limit, LimitRule } from '@cortex-governance/core';

/**
 * Names a limit for people and header fields: `calls-60`, `tokens-86400`, `cost-3600` (seconds, `ms`
 * where the window is no whole number of them) or `concurrency`. Only `a-z 0-9 _ . * -`.
 */
export function limitName(limit: Limit): string {
  if (limit.kind === 'concurrency') return 'concurrency';
  const unit = limit.kind === 'budget' ? limit.unit : 'calls';
  return `${unit}-${windowName(limit.windowMs)}`;
}

/**
 * The names of a rule's limits, in their order, no two alike: where two limits share a name, each
 * says what it is counted by (`calls-60.tenant`), then its kind, then its place.
 */
export function planNames(rule: LimitRule): string[] {
  const { limits } = rule;
  const byDimensions = tellApart(limits.map(limitName), (i) => dimensionsOf(limits[i]));
  const byKind = tellApart(byDimensions, (i) => limits[i]?.kind ?? '');
  return tellApart(byKind, (i) => String(i));
}

function tellApart(names: readonly string[], suffix: (index: number) => string): string[] {
  return names.map((name, i) =>
    names.some((other, j) => j !== i && other === name) ? `${name}.${suffix(i)}` : name,
  );
}

function dimensionsOf(limit: Limit | undefined): string {
  if (limit === undefined || limit.by.length === 0) return 'all';
  return limit.by.join('.');
}

function windowName(windowMs: number): string {
  if (windowMs % 1000 === 0) return String(windowMs / 1000);
  return `${String(windowMs).replace(/[^0-9.]/g, '')}ms`;
}
