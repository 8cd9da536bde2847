import { copyAttributes, findAttributeProblem, isPlainObject } from './attributes.ts';
import { EFFECTS, type Effect } from './effect.ts';
import type { Obligation } from './obligation.ts';
import type { PolicyAnswer } from './ports/policy-backend.ts';
import { MAX_IDENTIFIER_LENGTH } from './request-check.ts';

/** Most obligations of one answer: more than any enforcer meets, and few enough for one record. */
export const MAX_OBLIGATIONS = 64;

/**
 * A policy backend's answer, checked whole and copied: an obligation that got lost on the way would turn
 * a conditional allow into a plain one.
 * @throws {TypeError} naming the member that is wrong.
 */
export function readPolicyAnswer(answer: unknown): PolicyAnswer {
  if (!isPlainObject(answer)) throw new TypeError('policy answer: not a plain object');
  const { effect, reason, obligations } = answer;
  if (!EFFECTS.includes(effect as Effect)) throw new TypeError('policy answer: unknown effect');
  if (typeof reason !== 'string') throw new TypeError('policy answer: reason is not a string');
  if (!Array.isArray(obligations) || obligations.length > MAX_OBLIGATIONS) {
    throw new TypeError(`policy answer: obligations is not a list of at most ${MAX_OBLIGATIONS}`);
  }
  const own = Array.from(obligations, readObligation);
  return { effect: effect as Effect, reason, obligations: Object.freeze(own) };
}

function readObligation(obligation: unknown): Obligation {
  if (!isPlainObject(obligation)) throw new TypeError('obligation: not a plain object');
  const { id, type, properties } = obligation;
  if (!isName(id) || !isName(type)) throw new TypeError('obligation: id or type is not a name');
  if (properties === undefined) return Object.freeze({ id, type });
  const problem = findAttributeProblem(properties);
  if (problem !== null) throw new TypeError(`obligation: properties: ${problem}`);
  return Object.freeze({ id, type, properties: copyAttributes(properties as never) });
}

function isName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= MAX_IDENTIFIER_LENGTH &&
    value.isWellFormed()
  );
}
