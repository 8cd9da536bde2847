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

/**
 * The usage that a JSON answer, or one event of a stream, states; null when it states none that is usable.
 * A total below its parts is not believed. One of 0 is none: no call has an empty prompt, but servers that
 * do not count say 0.
 */
export function readModelUsage(answer: unknown): ModelUsage | null {
  return isPlainObject(answer) ? readUsageMember(answer['usage']) : null;
}

/** As {@link readModelUsage}, of the member `usage` alone. */
export function readUsageMember(usage: unknown): ModelUsage | null {
  if (!isPlainObject(usage)) return null;
  const stated = readParts(usage);
  return stated === null || stated.total === 0 ? null : stated;
}

function readParts(usage: Readonly<Record<string, unknown>>): ModelUsage | null {
  const total = tokens(usage['total_tokens']);
  for (const [promptName, answerName] of PARTS) {
    const prompt = tokens(usage[promptName]);
    const written = tokens(usage[answerName]);
    if (prompt === null || (total === null && written === null)) continue;
    return { total: wholeUnits(Math.max(total ?? 0, prompt + (written ?? 0))), prompt };
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
