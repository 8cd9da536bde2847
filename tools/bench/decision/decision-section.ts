import type { BenchSection } from '../page/bench-section.ts';
import { describeMachine } from '../page/machine.ts';
import type { SizeResults } from './decision-results.ts';
import { tabulate } from './decision-tables.ts';
import { formatNumber } from './format.ts';
import { judgeGoals } from './goals.ts';
import { FOLDERS, REQUESTS } from './workload.ts';

const NOTES: readonly string[] = [
  `The workload: as many grants as tenants, three actions and two of ${FOLDERS.length} folders in each grant, one argument \`path\`, a limit per minute that is never reached. ${formatNumber(REQUESTS)} requests are built beforehand and asked in a fixed random order over all grants and tenants, so that caches do not flatter. Their objects are reused, so the hashes of their texts are known; that helps all alike.`,
  'Before the timing every contender answers the same mixed questions, allowed and denied (tenant, tool, action, path beside, path above, path with the folder as a prefix), and any difference ends the program. Each timed answer is counted, too.',
  'In each round every contender has one turn, in an order drawn anew: two samples untimed, then four timed, of up to 128 calls each. p50 and p99 are of samples, that is of means over their calls. Single calls are timed apart, with `process.hrtime`, and its own cost is taken off.',
  'The floor reads the tenant and the grant from maps, looks at the actions, compares prefixes, reads the clock, updates a ring of admission times for the pair of tenant and tool (a map in the tenant), and pushes a record. It has none of the guarantees; its growth is what caches cost.',
  'Evidence is on: a real governor on a workspace on disk, `whenFull: deny`. It is written between the rounds, outside the samples; what writing costs is in the table of decisions with their writing, until the last record is synced and under a signed checkpoint.',
  'Bytes are of the JavaScript heap, in a process whose young generation is never collected meanwhile; what a wasm peer takes of its own memory is not counted. `nothing recorded` is the verdict and what is garbage at once; the difference to `decide, allowed` is the queued record, which is held until it is written.',
  'Each size has a process of its own. A peer that is slow gets fewer samples, as the last table says.',
  'JavaScript calls of wasm are not inlined in these processes: on Node 20 the compiler ends the process when an inlined call of cedar-wasm is deoptimized.',
  'toolgovern is not on npm, so it is not here. Servers (Cerbos, OPA as a daemon, OpenFGA) are not here either: a network call is not what this measures.',
];

/** The results as a section of docs/benchmarks.md. */
export function decisionSection(
  results: readonly SizeResults[],
  versions: Readonly<Record<string, string>>,
  measuredAt: Date,
): BenchSection {
  return {
    id: 'decision',
    title: 'Decisions',
    order: 10,
    measuredAt: measuredAt.toISOString(),
    command: 'pnpm bench',
    machine: describeMachine(),
    versions: { ...versions },
    goals: [...judgeGoals(results)],
    tables: [...tabulate(results)],
    notes: [...NOTES, ...capped(results), ...skipped(results)],
  };
}

function capped(results: readonly SizeResults[]): readonly string[] {
  return results
    .filter(({ time }) => time.grants < time.size)
    .map(
      ({ time }) =>
        `At ${formatNumber(time.size)} there are ${formatNumber(time.tenants)} tenants and ${formatNumber(time.grants)} grants: one folder holds no more.`,
    );
}

function skipped(results: readonly SizeResults[]): readonly string[] {
  return [...new Set(results.flatMap(({ time }) => time.skipped))].map(
    (text) => `SKIPPED: ${text}.`,
  );
}
