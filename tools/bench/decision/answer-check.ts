import type { Contender } from './contender.ts';
import type { Question, Workload } from './workload.ts';

/** Questions that are always asked: some of every kind. */
const LEAST_CHECKS = 42;

/** A slow peer is not asked all of them, in milliseconds. */
const BUDGET_MS = 1_000;

/** Throws unless every contender answers every mixed question as expected, and its timed ones too. */
export async function checkAnswers(
  contenders: readonly Contender[],
  workload: Pick<Workload, 'mixed'>,
): Promise<void> {
  for (const contender of contenders) {
    if (contender.answer !== null) await checkMixed(contender, workload.mixed);
    await checkTimed(contender);
  }
}

async function checkMixed({ name, answer }: Contender, mixed: readonly Question[]): Promise<void> {
  const started = performance.now();
  for (const [i, question] of mixed.entries()) {
    if (i >= LEAST_CHECKS && performance.now() - started > BUDGET_MS) return;
    const allowed = await answer?.(question);
    if (allowed === question.allowed) continue;
    const expected = question.allowed ? 'allow' : 'deny';
    throw new Error(`${name}: not ${expected} for ${JSON.stringify(question)}`);
  }
}

/** Few are enough here: each timed answer is counted as well. */
const TIMED_CHECKS = 8;

async function checkTimed(contender: Contender): Promise<void> {
  await contender.enter?.();
  for (let i = 0; i < TIMED_CHECKS; i += 1) {
    if ((await contender.decide(i)) === contender.allows) continue;
    throw new Error(`${contender.name}: timed question ${i} is not answered as expected`);
  }
  await contender.leave?.();
  await contender.settle?.();
}
