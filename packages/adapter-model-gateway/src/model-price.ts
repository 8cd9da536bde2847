import { wholeUnits } from './usage-units.ts';

/**
 * What a model's tokens cost, in currency units for a million tokens; so one token costs as many
 * millionths of a currency unit.
 */
export interface ModelPrice {
  readonly input: number;
  readonly output: number;
}

/** The cost of a call, in whole millionths of a currency unit, rounded up. */
export function costOf({ input, output }: ModelPrice, prompt: number, answer: number): number {
  return wholeUnits(prompt * input + answer * output);
}
