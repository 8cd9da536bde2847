import type { BenchGoal } from '../page/bench-section.ts';
import { ALLOWED, CASBIN, CEDAR, DENIED, FLOOR, OPA, UNRECORDED } from './contender-names.ts';
import type { SizeResults } from './decision-results.ts';
import { formatNumber, formatRatio } from './format.ts';

/** Size at which the goals that name no other are judged. */
const GOAL_SIZE = 1_000;

const MOST_TIMES_FLOOR = 2;
const MOST_GROWTH = 1.3;
const LEAST_FASTER = { [OPA]: 5, [CEDAR]: 50, [CASBIN]: 50 };

/** One verdict: its ten members, and an id of its own. */
const MOST_BYTES = 200;

/** For orientation, of single calls, in nanoseconds. */
const SINGLE_P50_NS = 500;
const SINGLE_P99_NS = 2_000;

/** The goals of the suite, each with what was measured. */
export function judgeGoals(results: readonly SizeResults[]): readonly BenchGoal[] {
  const at = results.find(({ time }) => time.size === GOAL_SIZE);
  return [
    floorGoal(at),
    denialGoal(results),
    growthGoal(results),
    ...Object.entries(LEAST_FASTER).map(([peer, least]) => peerGoal(results, peer, least)),
    bytesGoal(at),
    ...singleGoals(at),
  ];
}

/** Median nanoseconds of a contender; NaN when it did not take part. */
export function medianOf({ time }: SizeResults, name: string): number {
  return time.timings.find((timing) => timing.name === name)?.p50 ?? Number.NaN;
}

/** How much dearer the last size is than the first. */
export function growthOf(results: readonly SizeResults[], name: string): number {
  const [first, last] = [results[0], results.at(-1)];
  if (first === undefined || last === undefined || first === last) return Number.NaN;
  return medianOf(last, name) / medianOf(first, name);
}

function floorGoal(at: SizeResults | undefined): BenchGoal {
  const ratio = at === undefined ? Number.NaN : medianOf(at, ALLOWED) / medianOf(at, FLOOR);
  const goal = `decide, allowed, evidence on: at most ${MOST_TIMES_FLOOR}x the floor at 1,000`;
  return judged(goal, ratio, formatRatio(ratio), ratio <= MOST_TIMES_FLOOR);
}

/** The worst denial over all sizes, beside the allow of its size. */
function denialGoal(results: readonly SizeResults[]): BenchGoal {
  const all = results.flatMap((result) =>
    result.time.timings
      .filter(({ name }) => name.startsWith(DENIED))
      .map(({ name, p50 }) => ({
        ratio: p50 / medianOf(result, ALLOWED),
        shown: `${name.slice(DENIED.length)}, at ${formatNumber(result.time.size)}`,
      })),
  );
  const [worst] = all.sort((a, b) => b.ratio - a.ratio);
  const ratio = worst?.ratio ?? Number.NaN;
  const figure = `dearest ${formatRatio(ratio)} (${worst?.shown})`;
  return judged('every denial no dearer than the allow', ratio, figure, ratio <= 1);
}

function growthGoal(results: readonly SizeResults[]): BenchGoal {
  const growth = growthOf(results, ALLOWED);
  const figure = `${formatRatio(growth)} (the floor itself: ${formatRatio(growthOf(results, FLOOR))})`;
  const [from, to] = [results[0], results.at(-1)].map((one) =>
    formatNumber(one?.time.size ?? Number.NaN),
  );
  const goal = `decide, allowed: growth from ${from} to ${to} at most ${MOST_GROWTH}x`;
  return judged(goal, growth, figure, growth <= MOST_GROWTH);
}

/** The least advantage over all sizes. */
function peerGoal(results: readonly SizeResults[], peer: string, least: number): BenchGoal {
  const ratios = results.map((result) => medianOf(result, peer) / medianOf(result, ALLOWED));
  const ratio = ratios.length === 0 ? Number.NaN : Math.min(...ratios);
  const goal = `decide, allowed: at least ${least}x faster than ${peer}, at every size`;
  return judged(goal, ratio, `at least ${formatRatio(ratio)}`, ratio >= least);
}

function bytesGoal(at: SizeResults | undefined): BenchGoal {
  const found = at?.allocation.allocations.find(({ name }) => name === UNRECORDED);
  const bytes = found?.bytes ?? Number.NaN;
  const goal = `one verdict allocated: at most ${MOST_BYTES} bytes, nothing recorded, at 1,000`;
  return judged(goal, bytes, `${formatNumber(bytes)} bytes`, bytes <= MOST_BYTES);
}

function singleGoals(at: SizeResults | undefined): readonly BenchGoal[] {
  const { p50 = Number.NaN, p99 = Number.NaN } = at?.time.single ?? {};
  const goal = (which: string, most: number): string =>
    `orientation: one call of decide, ${which} below ${formatNumber(most)} ns at 1,000`;
  return [
    judged(goal('p50', SINGLE_P50_NS), p50, `${formatNumber(p50)} ns`, p50 < SINGLE_P50_NS),
    judged(goal('p99', SINGLE_P99_NS), p99, `${formatNumber(p99)} ns`, p99 < SINGLE_P99_NS),
  ];
}

function judged(goal: string, value: number, figure: string, met: boolean): BenchGoal {
  return Number.isNaN(value) ? { goal, figure: '-', met: null } : { goal, figure, met };
}
