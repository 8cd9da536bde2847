import { isPlainObject, type LimitUsage } from '@cortex-governance/core';
import { costOf, type ModelPrice } from './model-price.ts';
import { MAX_UNITS, wholeUnits } from './usage-units.ts';

/** What an upstream says that a call used, in tokens. */
export interface ModelUsage {
  readonly total: number;
  /** Tokens of the prompt; null when it says only the total. */
  readonly prompt: number | null;
}

/** Names of the prompt's and of the answer's tokens: those of OpenAI, and those of its Responses API and others. */
const PARTS = [
  ['prompt_tokens', 'completion_tokens'],
  ['input_tokens', 'output_tokens'],
] as const;

/** The usage that a JSON answer, or one event of a stream, states; null when it states none that is usable. */
export function readModelUsage(answer: unknown): ModelUsage | null {
  const usage = isPlainObject(answer) ? answer['usage'] : undefined;
  if (!isPlainObject(usage)) return null;
  const total = tokens(usage['total_tokens']);
  for (const [promptName, answerName] of PARTS) {
    const prompt = tokens(usage[promptName]);
    const written = tokens(usage[answerName]);
    if (prompt === null) continue;
    if (total !== null) return { total, prompt: Math.min(prompt, total) };
    if (written !== null) return { total: wholeUnits(prompt + written), prompt };
  }
  return total === null ? null : { total, prompt: null };
}

/**
 * What a call is charged. Without the prompt's share, every token costs as much as the dearer kind.
 * @param price null: of the cost there is nothing to say, and it stays as reserved.
 */
export function limitUsage({ total, prompt }: ModelUsage, price: ModelPrice | null): LimitUsage {
  if (price === null) return { tokens: total };
  const { input, output } = price;
  const cost =
    prompt === null
      ? wholeUnits(total * Math.max(input, output))
      : costOf(price, prompt, total - prompt);
  return { tokens: total, cost };
}

function tokens(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_UNITS
    ? value
    : null;
}
