import { MAX_IDENTIFIER_LENGTH, parseOptions } from '@cortex-governance/core';
import { CONFIG_DEFAULTS, type Governor } from '@cortex-governance/governor';
import { z } from 'zod';
import type { ModelPrice } from './model-price.ts';
import type { Upstream } from './upstream.ts';

/** Largest request body: 16 MiB, room for a few images. */
export const DEFAULT_MAX_BODY_BYTES = 16_777_216;

/** Longest delay that a timer can have. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** Highest price of a million tokens; with any usage the cost stays a whole number. */
const MAX_PRICE = 1_000_000;

/** Options of `createModelGateway`. */
export interface ModelGatewayOptions {
  readonly governor: Governor;
  /**
   * Base URL of an OpenAI-compatible API, such as `http://127.0.0.1:8080/v1`; http or https, without
   * credentials and fragment. A query is sent with every call.
   */
  readonly upstream: string;
  /** Sent to the upstream as a bearer token. @defaultValue none */
  readonly apiKey?: string;
  /** `tool` of the grant. @defaultValue 'model-gateway' */
  readonly tool?: string;
  /** Longest wait for the model's first byte, and for each next one, in milliseconds. @defaultValue 120 000 */
  readonly timeoutMs?: number;
  /** Largest request body in bytes. @defaultValue 16 MiB */
  readonly maxBodyBytes?: number;
  /**
   * What models cost, by the name that clients ask for, in currency units for a million tokens. Of a model
   * that is not named, a `cost` limit reserves and is charged its `perCall`. @defaultValue none
   */
  readonly prices?: Readonly<Record<string, ModelPrice>>;
  /** @defaultValue the platform's `fetch` */
  readonly fetch?: typeof fetch;
}

/** Options that were checked. */
export interface GatewaySettings {
  readonly governor: Governor;
  readonly tool: string;
  readonly maxBodyBytes: number;
  readonly prices: ReadonlyMap<string, ModelPrice>;
  readonly upstream: Upstream;
}

const price = z.number().min(0).max(MAX_PRICE);

const optionsSchema = z.strictObject({
  governor: z.custom<Governor>(isGovernor, 'not a governor'),
  upstream: z.string().superRefine((text, context) => {
    const problem = findUpstreamProblem(text);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  }),
  // RFC 6750 section 2.1 allows less; what is refused here could end the header.
  apiKey: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .optional(),
  tool: z.string().min(1).max(MAX_IDENTIFIER_LENGTH).default(CONFIG_DEFAULTS.gatewayTool),
  timeoutMs: z.int().min(1).max(MAX_TIMEOUT_MS).default(CONFIG_DEFAULTS.gatewayTimeoutMs),
  maxBodyBytes: z.int().min(1).max(1_073_741_824).default(DEFAULT_MAX_BODY_BYTES),
  prices: z
    .record(
      z.string().min(1).max(MAX_IDENTIFIER_LENGTH),
      z.strictObject({ input: price, output: price }),
    )
    .default({}),
  fetch: z
    .custom<typeof fetch>((value) => typeof value === 'function', 'not a function')
    .optional(),
});

/** @throws {GovernanceError} OPTIONS_INVALID, without the upstream's URL or the key. */
export function checkGatewayOptions(options: ModelGatewayOptions): GatewaySettings {
  const parsed = parseOptions(optionsSchema, options, 'createModelGateway(options)');
  const base = new URL(parsed.upstream);
  return {
    governor: parsed.governor,
    tool: parsed.tool,
    maxBodyBytes: parsed.maxBodyBytes,
    prices: new Map(Object.entries(parsed.prices)),
    upstream: {
      url: (endpoint) => endpointUrl(base, endpoint),
      apiKey: parsed.apiKey ?? null,
      timeoutMs: parsed.timeoutMs,
      fetch: parsed.fetch ?? ((input, init) => fetch(input, init)),
    },
  };
}

function findUpstreamProblem(text: string): string | null {
  if (!URL.canParse(text)) return 'not a URL';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be http or https';
  if (url.username !== '' || url.password !== '') return 'must not hold credentials; use apiKey';
  return url.hash === '' ? null : 'must not have a fragment';
}

function endpointUrl(base: URL, endpoint: string): string {
  const url = new URL(base);
  url.pathname = base.pathname.replace(/\/+$/, '') + endpoint;
  return url.href;
}

const GOVERNOR_METHODS = ['authorize', 'refuse', 'onStop', 'settle', 'cancel', 'limits'] as const;

function isGovernor(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const members = value as Readonly<Record<string, unknown>>;
  return GOVERNOR_METHODS.every((name) => typeof members[name] === 'function');
}
