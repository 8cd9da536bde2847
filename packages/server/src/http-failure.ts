import { GovernanceError, JsonProblem, type ReasonCode } from '@cortex-governance/core';

/** What a client is told about an exchange that failed: never a stack, a path or an inner message. */
export interface HttpFailure {
  readonly status: number;
  readonly code: ReasonCode;
  readonly message: string;
}

/** The failure for anything that was thrown while a request was served; ENGINE_FAULT for what is not known. */
export function toHttpFailure(thrown: unknown, bodyLimitBytes: number): HttpFailure {
  if (GovernanceError.isInstance(thrown) && thrown.httpStatus < 500) {
    return { status: thrown.httpStatus, code: thrown.code, message: thrown.message };
  }
  if (thrown instanceof JsonProblem) return bodyInvalid(`malformed JSON: ${thrown.message}`);
  switch ((thrown as { code?: unknown } | null | undefined)?.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return bodyInvalid(`the body is larger than ${bodyLimitBytes} bytes`, 413);
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return bodyInvalid('the body does not have the length that Content-Length says');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return bodyInvalid('Content-Type must be application/json');
    case 'FST_ERR_BAD_URL':
      return { status: 400, code: 'ROUTE_UNKNOWN', message: 'the URL is malformed' };
    case 'ECONNRESET':
    case 'ERR_STREAM_PREMATURE_CLOSE':
      return bodyInvalid('the body ended early');
    default:
      return { status: 500, code: 'ENGINE_FAULT', message: 'a part of the server failed' };
  }
}

/** The error for a body that cannot be read, or asks for what there is not. */
export function bodyError(problem: string): GovernanceError {
  return new GovernanceError('BODY_INVALID', { problem });
}

/** The body of a failure outside the decision routes. */
export function failureBody(failure: HttpFailure): { readonly error: HttpFailure } {
  return { error: failure };
}

function bodyInvalid(message: string, status = 400): HttpFailure {
  return { status, code: 'BODY_INVALID', message };
}
