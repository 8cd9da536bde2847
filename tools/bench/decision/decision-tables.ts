import type { BenchTable } from '../page/bench-section.ts';
import { ALLOWED, FLOOR } from './contender-names.ts';
import type { SizeResults } from './decision-results.ts';
import { formatNumber, formatRatio } from './format.ts';
import { growthOf, medianOf } from './goals.ts';

/** The figures of all sizes, as tables. */
export function tabulate(results: readonly SizeResults[]): readonly BenchTable[] {
  const names = namesOf(results);
  return [
    timeTable(results, names),
    ratioTable(results, names),
    allocationTable(results, names),
    singleTable(results),
    throughputTable(results),
    differenceTable(results, names),
  ];
}

/** Who took part at any size, in the order of the line-up. */
function namesOf(results: readonly SizeResults[]): readonly string[] {
  return [...new Set(results.flatMap(({ time }) => time.timings.map(({ name }) => name)))];
}

function sizesOf(results: readonly SizeResults[]): readonly string[] {
  return results.map(({ time }) => formatNumber(time.size));
}

function timeTable(results: readonly SizeResults[], names: readonly string[]): BenchTable {
  const rows = names.map((name) => [
    name,
    ...results.flatMap(({ time }) => {
      const timing = time.timings.find((one) => one.name === name);
      return [timing?.p50, timing?.p99].map((ns) => formatNumber(ns ?? Number.NaN));
    }),
  ]);
  const columns = sizesOf(results).flatMap((size) => [`${size}: p50`, 'p99']);
  return {
    title: 'Nanoseconds per decision, by grants and tenants',
    columns: ['', ...columns],
    rows,
  };
}

function ratioTable(results: readonly SizeResults[], names: readonly string[]): BenchTable {
  const against = (name: string, base: string): string[] =>
    results.map((result) => formatRatio(medianOf(result, name) / medianOf(result, base)));
  const rows = names.map((name) => [
    name,
    ...against(name, FLOOR),
    ...against(name, ALLOWED),
    formatRatio(growthOf(results, name)),
  ]);
  const sizes = sizesOf(results);
  const columns = [
    ...sizes.map((size) => `${size}: / floor`),
    ...sizes.map((size) => `${size}: / decide`),
  ];
  return { title: 'Ratios of the medians', columns: ['', ...columns, 'growth'], rows };
}

function allocationTable(results: readonly SizeResults[], names: readonly string[]): BenchTable {
  const bytesOf = ({ allocation }: SizeResults, name: string): number =>
    allocation.allocations.find((one) => one.name === name)?.bytes ?? Number.NaN;
  const rows = names
    .map((name) => [name, ...results.map((result) => formatNumber(bytesOf(result, name)))])
    .filter((row) => row.slice(1).some((cell) => cell !== '-'));
  return {
    title: 'Bytes of JavaScript heap allocated per decision',
    columns: ['', ...sizesOf(results)],
    rows,
  };
}

function singleTable(results: readonly SizeResults[]): BenchTable {
  const rows = results.map(({ time: { size, single } }) =>
    [size, single.p50, single.p99, single.p999, single.timerNs].map(formatNumber),
  );
  const columns = ['grants and tenants', 'p50', 'p99', 'p99.9', 'timer, taken off'];
  return { title: `Nanoseconds of single calls: ${ALLOWED}`, columns, rows };
}

function throughputTable(results: readonly SizeResults[]): BenchTable {
  const rows = results.map(({ time: { size, throughput } }) =>
    [size, throughput.nsPerDecision, throughput.decisionsPerSecond].map(formatNumber),
  );
  const columns = ['grants and tenants', 'ns per decision', 'decisions per second'];
  return { title: 'Decisions with the writing of their evidence, one thread', columns, rows };
}

/** What each does less, and how its figures came about at the largest size. */
function differenceTable(results: readonly SizeResults[], names: readonly string[]): BenchTable {
  const timings = results.at(-1)?.time.timings ?? [];
  const rows = names.map((name) => {
    const timing = timings.find((one) => one.name === name);
    const shape = [timing?.samples, timing?.calls].map((n) => formatNumber(n ?? Number.NaN));
    return [name, ...shape, timing?.note ?? ''];
  });
  const size = sizesOf(results).at(-1) ?? '';
  const columns = ['', `samples at ${size}`, 'calls in a sample', 'differs from `decide`'];
  return { title: 'What is compared', columns, rows };
}
