import { REASON_CODES, type ReasonCode } from './reason-code.ts';
import type { Verdict } from './verdict.ts';

const BRAND = Symbol.for('cortex-governance.error');

/** Facts for the holes of the code's message, and for logs. Never secrets or arguments. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

export interface GovernanceErrorOptions {
  readonly cause?: unknown;
  /** The verdict that was enforced, when the error is a denial. */
  readonly verdict?: Verdict;
}

/**
 * The one error of this project: a fault, or a denial that was enforced.
 *
 * `instanceof` works across copies of this package in one process, because agents, adapters and
 * the sidecar may each load their own.
 */
export class GovernanceError extends Error {
  override readonly name = 'GovernanceError';
  readonly code: ReasonCode;
  readonly httpStatus: number;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
  readonly verdict: Verdict | null;
  readonly [BRAND] = true;

  constructor(code: ReasonCode, details: ErrorDetails = {}, options: GovernanceErrorOptions = {}) {
    const definition = REASON_CODES[code];
    super(
      fillTemplate(definition.message, details),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.httpStatus = definition.httpStatus;
    this.retryable = definition.retryable;
    this.details = details;
    this.verdict = options.verdict ?? null;
  }

  /** Whether a value is a GovernanceError, from this copy of the package or another. */
  static isInstance(value: unknown): value is GovernanceError {
    return typeof value === 'object' && value !== null && (value as never)[BRAND] === true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return GovernanceError.isInstance(value);
  }
}

/** One line about anything that was thrown. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function fillTemplate(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (hole, name: string) =>
    Object.hasOwn(details, name) ? String(details[name]) : hole,
  );
}
