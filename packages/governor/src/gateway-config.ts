import { MAX_IDENTIFIER_LENGTH } from '@cortex-governance/core';
import { z } from 'zod';

/** The defaults of `gateway`. Units are in the names. */
export const GATEWAY_DEFAULTS = Object.freeze({
  gatewayTool: 'model-gateway',
  /** Longest wait for the model's first byte: 2 minutes. */
  gatewayTimeoutMs: 120_000,
});

/** Models that have a price: more than any gateway serves, and a bound for a file that is a mistake. */
const MAX_PRICED_MODELS = 1_000;

/** Highest price of a million tokens; with any usage the cost stays a whole number. */
const MAX_PRICE = 1_000_000;

const D = GATEWAY_DEFAULTS;

const price = z.number().min(0).max(MAX_PRICE);

const prices = z
  .record(
    z.string().min(1).max(MAX_IDENTIFIER_LENGTH),
    z.strictObject({
      input: price.describe('Of a million tokens that are sent, in currency units.'),
      output: price.describe('Of a million tokens that come back.'),
    }),
  )
  .refine((models) => Object.keys(models).length <= MAX_PRICED_MODELS, {
    message: `more than ${MAX_PRICED_MODELS} models`,
  })
  .default({})
  .describe(
    `What models cost, by the name that clients ask for, for \`cost\` limits; at most ${MAX_PRICED_MODELS}. A model without a price is charged the limit's \`perCall\`.`,
  );

export const gatewayConfig = z
  .strictObject({
    upstream: z
      .url()
      .describe('Base URL of an OpenAI-compatible API, such as http://127.0.0.1:8080/v1.'),
    apiKeyEnv: z
      .string()
      .min(1)
      .optional()
      .describe('Environment variable with the upstream API key.'),
    tool: z.string().min(1).default(D.gatewayTool).describe('Grant that governs model calls.'),
    timeoutMs: z
      .int()
      .min(1)
      .max(2_147_483_647)
      .default(D.gatewayTimeoutMs)
      .describe("Longest wait for the model's first byte."),
    prices,
  })
  .optional()
  .describe('The model gateway; off unless given.');
