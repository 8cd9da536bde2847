import type { DecisionRequest, VerdictCode } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { Contender, Lineup } from './contender.ts';
import { ALLOWED, DENIED, EVALUATED, EVALUATED_OS, UNRECORDED } from './contender-names.ts';
import { DENIALS, type Denial } from './denials.ts';
import { type GovernedWorkspace, openGovernedWorkspace } from './governed-workspace.ts';
import { type Question, REQUESTS, requestOf, type Workload } from './workload.ts';

/** The real governor: allows, each denial, and the asynchronous way. */
export async function prepareGovernor(workload: Workload): Promise<Lineup> {
  const main = await openGovernedWorkspace(workload);
  const unrecorded = await openGovernedWorkspace(workload, false);
  // Apart, because each stop and its end stay in the switch's file, which `evaluate` reads anew.
  const stopped = await openGovernedWorkspace(workload);
  const { governor } = main;
  const flush = (): Promise<void> => governor.evidence.flush();
  const flushStopped = (): Promise<void> => stopped.governor.evidence.flush();
  const allowed = workload.questions.map((question) => requestOf(question));
  const contenders = [
    { ...decider(governor, ALLOWED, allowed, 'ALLOWED'), settle: flush },
    { ...decider(unrecorded.governor, UNRECORDED, allowed, 'ALLOWED'), note: 'no evidence' },
    ...DENIALS.map((denial) =>
      denial.stop === undefined
        ? { ...denier(governor, workload, denial), settle: flush }
        : { ...denier(stopped.governor, workload, denial), settle: flushStopped },
    ),
    { ...evaluator(governor, EVALUATED, 'accepted', allowed), settle: flush },
    { ...evaluator(governor, EVALUATED_OS, 'os', allowed), settle: flush },
  ];
  return { contenders, close: () => closeAll([main, stopped], unrecorded) };
}

async function closeAll(
  recorded: readonly GovernedWorkspace[],
  unrecorded: GovernedWorkspace,
): Promise<void> {
  let dropped = 0;
  for (const { governor, remove } of recorded) {
    const { drops } = governor.evidence.status();
    dropped += Object.values(drops).reduce((sum, count) => sum + count, 0);
    await remove();
  }
  await unrecorded.remove();
  if (dropped > 0) throw new Error(`${dropped} records were dropped: not the whole path was timed`);
}

function decider(
  governor: Governor,
  name: string,
  requests: readonly DecisionRequest[],
  code: VerdictCode,
): Contender {
  const allows = code === 'ALLOWED';
  return {
    name,
    note: '',
    allows,
    async: false,
    // The code is compared, not only the effect: a denial for another reason is another path.
    decide: (i) =>
      (governor.decide(requests[i % REQUESTS] as DecisionRequest).code === code) === allows,
    answer: (question: Question) => governor.decide(requestOf(question)).effect === 'allow',
  };
}

function denier(governor: Governor, workload: Workload, denial: Denial): Contender {
  const requests = workload.questions.map((question) => denial.request(question));
  const { name, stop, code } = denial;
  const timed = { ...decider(governor, `${DENIED}${name}`, requests, code), answer: null };
  if (denial.spent) for (const request of requests) governor.decide(request);
  if (stop === undefined) return timed;
  const order = { ...stop, actor: 'bench', reason: 'measurement' };
  return {
    ...timed,
    enter: async () => void (await governor.killSwitch.engage(order)),
    leave: async () => void (await governor.killSwitch.release(order)),
  };
}

function evaluator(
  governor: Governor,
  name: string,
  durability: 'accepted' | 'os',
  requests: readonly DecisionRequest[],
): Contender {
  const ask = async (request: DecisionRequest): Promise<boolean> =>
    (await governor.evaluate(request, { durability })).effect === 'allow';
  return {
    name,
    note: 'also follows links on disk, reads the kill switch anew',
    allows: true,
    async: true,
    decide: (i) => ask(requests[i % REQUESTS] as DecisionRequest),
    answer: (question) => ask(requestOf(question)),
  };
}
