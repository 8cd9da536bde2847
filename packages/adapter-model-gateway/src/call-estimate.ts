import type { Attributes } from '@cortex-governance/core';
import { findTokenCap } from '@cortex-governance/rate-limiter';
import { costOf, type ModelPrice } from './model-price.ts';
import type { ModelAction } from './model-route.ts';
import { wholeUnits } from './usage-units.ts';

/** Bytes of JSON that are taken for one token of the prompt. A rule of thumb for English; no tokenizer. */
const BYTES_PER_TOKEN = 4;

/**
 * Members in which names of all kinds occur that no server takes for its own: a tool may have a
 * parameter `max_tokens`. Caps are looked for everywhere else.
 */
const CONTENT_MEMBERS: ReadonlySet<string> = new Set([
  ...['messages', 'tools', 'functions', 'response_format', 'guided_json', 'structured_outputs'],
  ...['input', 'prompt', 'query', 'documents', 'prediction', 'logit_bias', 'metadata'],
]);

/**
 * The caps that OpenAI-compatible servers go by. Another name, or another place, can raise the estimate
 * but not bound it: a server that does not know it would answer without a cap.
 */
const BOUNDING_MEMBERS = ['max_tokens', 'max_completion_tokens'] as const;

/** A call as it will be sent. */
export interface EstimatedCall {
  readonly body: Readonly<Record<string, unknown>>;
  readonly payload: string;
}

/**
 * `context.estimate` of the request that is decided on: what the call may use at most, as far as the
 * gateway can tell. For a chat that names no cap there is a note of that instead of a bound, so that the
 * grant's `perCall` is reserved, or the prompt's tokens where they are more.
 * @param price null: nothing is said of the cost, and the grant's `perCall` is reserved.
 */
export function estimateCall(
  action: ModelAction,
  { body, payload }: EstimatedCall,
  price: ModelPrice | null,
): Attributes {
  const prompt = Math.ceil(Buffer.byteLength(payload, 'utf8') / BYTES_PER_TOKEN);
  if (action !== 'chat') return { tokens: prompt, ...costMember(price, prompt, 0) };
  const { largest, bounded, choices } = findTokenCap(withoutContent(body));
  const answer = wholeUnits(largest * choices);
  const tokens = wholeUnits(prompt + answer);
  if (bounded && namesCap(body)) return { tokens, ...costMember(price, prompt, answer) };
  // To the limiter a cap that is no number is one of `perCall` tokens.
  return { tokens, caps: { max_tokens: 'none', n: choices } };
}

/** Whether there is a cap that holds. Zero is none: to some servers it means as much as there is room for. */
function namesCap(body: EstimatedCall['body']): boolean {
  return BOUNDING_MEMBERS.some((name) => {
    const cap = Object.hasOwn(body, name) ? body[name] : undefined;
    return typeof cap === 'number' && Number.isInteger(cap) && cap > 0;
  });
}

function costMember(price: ModelPrice | null, prompt: number, answer: number): Attributes {
  return price === null ? {} : { cost: costOf(price, prompt, answer) };
}

function withoutContent(body: EstimatedCall['body']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !CONTENT_MEMBERS.has(name)));
}
