import { isPlainObject } from '@cortex-governance/core';
import { BODY_TOO_LARGE, readBounded } from './bounded-body.ts';
import { refusalResponse } from './gateway-error.ts';
import { findBodyHeaderProblem } from './media-type.ts';
import { findMemberProblem } from './model-members.ts';

/** A model call, as it will be sent on. */
export interface ModelRequest {
  readonly model: string;
  readonly stream: boolean;
  /** What was read, of which {@link payload} is the text. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The body, written anew from the one reading that `model` and `stream` come from. */
  readonly payload: string;
}

/**
 * The model call in a request, or the response that refuses it: 415 for other than JSON, 413 for a
 * body beyond the bound, 400 for one that is not a model call.
 */
export async function readModelRequest(
  request: Request,
  maxBytes: number,
): Promise<ModelRequest | Response> {
  const problem = findBodyHeaderProblem(request.headers);
  if (problem !== null) return refusalResponse(415, 'BODY_INVALID', problem);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge(maxBytes);
  let bytes: Uint8Array | typeof BODY_TOO_LARGE;
  try {
    bytes = await readBounded(request.body, maxBytes);
  } catch {
    return invalid('the body broke off');
  }
  if (bytes === BODY_TOO_LARGE) return tooLarge(maxBytes);
  return parseModelRequest(bytes);
}

function parseModelRequest(bytes: Uint8Array): ModelRequest | Response {
  const body = parseJson(bytes);
  if (!isPlainObject(body)) return invalid('the body is not a JSON object in UTF-8');
  const problem = findMemberProblem(body);
  if (problem !== null) return invalid(problem);
  const { model, stream } = body;
  if (typeof model !== 'string' || model === '') return invalid('model must be a string');
  if (stream !== undefined && typeof stream !== 'boolean')
    return invalid('stream must be a boolean');
  const payload = writeJson(body);
  if (payload === null) return invalid('the body is nested too deeply');
  return { model, stream: stream ?? false, body, payload };
}

/** The same call, asking the upstream to state the usage at the end of its stream. */
export function askingForUsage(call: ModelRequest): ModelRequest {
  const given = call.body['stream_options'];
  const stream_options = { ...(isPlainObject(given) ? given : {}), include_usage: true };
  const body = { ...call.body, stream_options };
  return { ...call, body, payload: JSON.stringify(body) };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function writeJson(body: Readonly<Record<string, unknown>>): string | null {
  try {
    return JSON.stringify(body);
  } catch {
    // Deeper than the call stack.
    return null;
  }
}

function invalid(problem: string): Response {
  return refusalResponse(400, 'BODY_INVALID', problem);
}

function tooLarge(maxBytes: number): Response {
  return refusalResponse(413, 'BODY_INVALID', `the body is larger than ${maxBytes} bytes`);
}
