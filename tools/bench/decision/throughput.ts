import { setImmediate as nextTurn } from 'node:timers/promises';
import { openGovernedWorkspace } from './governed-workspace.ts';
import { requestOf, type Workload } from './workload.ts';

const DECISIONS = 50_000;

/** Decisions between two turns of the event loop, in which the writer does its work. */
const PER_TURN = 64;

/** Records that wait while the caller goes on; more, and the caller waits. */
const MOST_QUEUED = 16_384;

/** Decisions and the writing of their evidence together, in one thread. */
export interface Throughput {
  readonly decisions: number;
  /** Until the last record was synced to disk and under a signed checkpoint. */
  readonly nsPerDecision: number;
  readonly decisionsPerSecond: number;
}

/** How fast decisions can be made for long, when their records are written as fast as they come. */
export async function measureThroughput(workload: Workload): Promise<Throughput> {
  const { governor, remove } = await openGovernedWorkspace(workload);
  const requests = workload.questions.map((question) => requestOf(question));
  const started = process.hrtime.bigint();
  for (let i = 0; i < DECISIONS; i += PER_TURN) {
    for (let k = i; k < i + PER_TURN; k += 1) {
      const request = requests[k % requests.length];
      if (request === undefined || governor.decide(request).effect !== 'allow')
        throw new Error(`decision ${k} is not an allow`);
    }
    await nextTurn();
    while (governor.evidence.status().queuedRecords > MOST_QUEUED) await nextTurn();
  }
  await governor.evidence.flush();
  const ns = Number(process.hrtime.bigint() - started);
  await remove();
  const made = Math.ceil(DECISIONS / PER_TURN) * PER_TURN;
  return { decisions: made, nsPerDecision: ns / made, decisionsPerSecond: (made * 1e9) / ns };
}
