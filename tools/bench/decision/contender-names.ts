/* Names in the results; apart from the contenders, so that a report loads none of the peers. */

export const FLOOR = 'floor, hand-written';
export const ALLOWED = 'decide, allowed';
export const UNRECORDED = 'decide, allowed, nothing recorded';

/** What the names of denials begin with. */
export const DENIED = 'decide, denied: ';

export const EVALUATED = 'evaluate, accepted';
export const EVALUATED_OS = 'evaluate, recorded (os)';
export const OPA = 'opa-wasm';
export const CEDAR = 'cedar-wasm, preparsed';
export const CASBIN = 'casbin, enforceSync';
