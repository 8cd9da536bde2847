/** Longest piece of someone else's text that is shown in an error or a verdict, quotes included. */
export const MAX_SHOWN_LENGTH = 64;

/** Needs no escape and no cut. */
const PLAIN_NAME = /^[\w.-]{1,60}$/;

/**
 * Text of unknown origin, safe to show on a terminal or in a log: quoted as JSON, everything but
 * printable ASCII escaped, cut to {@link MAX_SHOWN_LENGTH} characters.
 */
export function showText(text: string): string {
  // Nearly every name; denials are counted in microseconds too.
  if (PLAIN_NAME.test(text)) return `"${text}"`;
  const escaped = JSON.stringify(text.slice(0, MAX_SHOWN_LENGTH)).replace(
    /[^\x20-\x7e]/g,
    escapeUnit,
  );
  const whole = text.length <= MAX_SHOWN_LENGTH && escaped.length <= MAX_SHOWN_LENGTH;
  return whole ? escaped : `${escaped.slice(0, -1).slice(0, MAX_SHOWN_LENGTH - 4)}..."`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
