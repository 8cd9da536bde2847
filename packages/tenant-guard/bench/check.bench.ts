import { Bench } from 'tinybench';
import { createTenantGuard } from '../src/index.ts';

/*
 * Nanoseconds per check, for tenants that are known and for some that are not. One iteration is a
 * batch of calls over 1000 ids that are new strings, so that no lookup is answered by identity; the
 * figures are per call.
 */

const BATCH = 1000;
const GOAL_NS = 50;
/** Not on the path of a good request: the pattern is tried as well. */
const GOAL_UNKNOWN_NS = 200;

const known = Array.from({ length: BATCH }, (_, i) => `tenant-${i}`);
const unknown = Array.from({ length: BATCH }, (_, i) => `stranger-${i}`);
const malformed = Array.from({ length: BATCH }, (_, i) => `../tenant-${i}`);

/** Strings equal to these, but not the same objects. */
function fresh(texts: readonly string[]): string[] {
  return JSON.parse(JSON.stringify(texts)) as string[];
}

const guard = createTenantGuard({ tenants: known });
const single = createTenantGuard();

const cases = [
  { name: 'check, one of 1000 tenants', guard, ids: fresh(known), answer: null, goal: GOAL_NS },
  {
    name: 'check, single tenant',
    guard: single,
    ids: fresh(Array.from({ length: BATCH }, () => 'default')),
    answer: null,
    goal: GOAL_NS,
  },
  {
    name: 'check, unknown tenant',
    guard,
    ids: fresh(unknown),
    answer: 'TENANT_UNKNOWN',
    goal: GOAL_UNKNOWN_NS,
  },
  {
    name: 'check, malformed tenant',
    guard,
    ids: fresh(malformed),
    answer: 'TENANT_MALFORMED',
    goal: GOAL_UNKNOWN_NS,
  },
] as const;

const bench = new Bench({ time: 500, warmupTime: 200 });
let sink = 0;
for (const { name, guard: tested, ids, answer } of cases) {
  for (const id of ids) {
    if (tested.check(id) !== answer) throw new Error(`wrong answer: ${name}: ${id}`);
  }
  bench.add(name, () => {
    for (const id of ids) if (tested.check(id) !== null) sink += 1;
  });
}
await bench.run();
if (sink === 0) throw new Error('nothing was denied');

console.table(
  bench.tasks.map(({ name, result }, i) => {
    if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
    const perCall = (ms: number): number => Math.round((ms * 1e7) / BATCH) / 10;
    return {
      name,
      'p50 ns': perCall(result.latency.p50),
      'p99 ns': perCall(result.latency.p99),
      goal: `<= ${cases[i]?.goal ?? 0}`,
    };
  }),
);
