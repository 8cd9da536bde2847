import type { DecisionRequest } from './decision-request.ts';
import { findRequestProblem } from './request-check.ts';

/** What evidence shows in place of a request that is not well formed. */
const MALFORMED_REQUEST: DecisionRequest = Object.freeze({
  tenant: '',
  subject: Object.freeze({ type: 'unknown', id: 'unknown' }),
  action: Object.freeze({ name: 'unknown' }),
  resource: Object.freeze({ type: 'unknown', id: 'unknown' }),
});

/** The request itself when it is well formed, else a stand-in that an evidence record can hold. Never throws. */
export function recordableRequest(request: DecisionRequest): DecisionRequest {
  try {
    return findRequestProblem(request) === null ? request : MALFORMED_REQUEST;
  } catch {
    return MALFORMED_REQUEST;
  }
}
