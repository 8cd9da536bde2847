// The complete public surface of @cortex-governance/server: named exports only; adding a line here is adding API.

export {
  type AuthzenMetadata,
  EVALUATION_PATH,
  EVALUATIONS_PATH,
  METADATA_PATH,
} from './authzen-metadata.ts';
export type { EvaluationAnswer, EvaluationContext } from './evaluation-answer.ts';
export { toDecisionRequest } from './evaluation-body.ts';
export { createServer, type GovernanceServer, type ServerAddress } from './governance-server.ts';
export { OPERATOR_PREFIX } from './operator-routes.ts';
export { ensureOperatorToken, readOperatorToken } from './operator-token.ts';
export { SERVER_DEFAULTS, type ServerOptions } from './server-options.ts';
