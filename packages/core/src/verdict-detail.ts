/** Longest detail in a verdict's reason, in UTF-16 code units: a record must always have room for it. */
const MAX_DETAIL_LENGTH = 512;

/** The detail, cut to what a verdict's reason may hold. */
export function shortDetail(detail: string): string {
  return detail.length <= MAX_DETAIL_LENGTH
    ? detail
    : detail.slice(0, MAX_DETAIL_LENGTH).toWellFormed();
}
