/**
 * The parts of the pipeline, in the order in which they answer. `request` is the check of the
 * request's own shape; it runs after the global kill switch, so that nothing outlives a stop.
 */
export const STAGES = [
  'kill_switch',
  'request',
  'tenant',
  'scoped_kill_switch',
  'grant',
  'arguments',
  'policy',
  'limits',
  'evidence',
] as const;

/** The part of the pipeline that answered. An allow is answered by the last stage, `evidence`. */
export type Stage = (typeof STAGES)[number];
