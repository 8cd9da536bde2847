/** Path of the Access Evaluation API. */
export const EVALUATION_PATH = '/access/v1/evaluation';

/** Path of the Access Evaluations API. */
export const EVALUATIONS_PATH = '/access/v1/evaluations';

/** Path of the metadata (RFC 8615). */
export const METADATA_PATH = '/.well-known/authzen-configuration';

/** The policy decision point's metadata (AuthZEN 1.0 section 9). */
export interface AuthzenMetadata {
  readonly policy_decision_point: string;
  readonly access_evaluation_endpoint: string;
  readonly access_evaluations_endpoint: string;
}

/**
 * The metadata of a decision point. AuthZEN asks for an `https` URL: give the URL of the proxy that
 * ends TLS as `publicUrl`. Without one this is the plain loopback address, for use on one machine.
 * @param baseUrl without a slash at its end.
 */
export function authzenMetadata(baseUrl: string): AuthzenMetadata {
  return {
    policy_decision_point: baseUrl,
    access_evaluation_endpoint: baseUrl + EVALUATION_PATH,
    access_evaluations_endpoint: baseUrl + EVALUATIONS_PATH,
  };
}
