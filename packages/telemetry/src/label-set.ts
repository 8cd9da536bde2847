/** Longest label value, in UTF-16 code units; a sample with a longer one is left out. */
export const MAX_LABEL_VALUE_LENGTH = 1024;

/** Control characters but the newline, which the text format escapes. */
const CONTROL = /(?!\n)\p{Cc}/gu;

type Labels = Readonly<Record<string, string>>;

/** The labels of one series, in the order of the metric's label names. */
export interface LabelSet {
  readonly labels: Labels;
  /** {@link labelKey} of the labels. */
  readonly key: string;
}

/**
 * A text that is equal for equal labels, and for no others; null when the labels are not exactly
 * those of the metric.
 */
export function labelKey(labelNames: readonly string[], labels: Labels): string | null {
  let members = 0;
  for (const _ in labels) members += 1;
  if (members !== labelNames.length) return null;
  let key = '';
  for (const name of labelNames) {
    const value: unknown = labels[name];
    if (typeof value !== 'string' || value.length > MAX_LABEL_VALUE_LENGTH) return null;
    // The length in front keeps two lists of values apart whatever they hold.
    key += `${value.length}:${value}`;
  }
  return key;
}

/**
 * The labels of a sample as they can be exposed; null when they are not those of the metric.
 * Characters that the text format cannot carry (controls, lone surrogates) become U+FFFD.
 */
export function readLabelSet(labelNames: readonly string[], labels: Labels): LabelSet | null {
  if (labelKey(labelNames, labels) === null) return null;
  const read: Record<string, string> = {};
  for (const name of labelNames) {
    read[name] = (labels[name] ?? '').toWellFormed().replace(CONTROL, '\ufffd');
  }
  return { labels: read, key: labelKey(labelNames, read) ?? '' };
}
