/** Whole numbers with thousands separated; `-` for what was not measured. */
export function formatNumber(value: number): string {
  return Number.isNaN(value) ? '-' : Math.round(value).toLocaleString('en-US');
}

/** Such as `1.9x`; whole from 100 on. */
export function formatRatio(value: number): string {
  if (Number.isNaN(value)) return '-';
  return `${value >= 100 ? formatNumber(value) : value.toFixed(value < 10 ? 2 : 1)}x`;
}
