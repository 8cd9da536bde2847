import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** Where bench programs leave their results, one file each; not in git. */
export const RESULTS_FOLDER = fileURLToPath(new URL('../../../reports/bench/', import.meta.url));

const benchTable = z.strictObject({
  title: z.string(),
  columns: z.array(z.string()).min(1),
  rows: z.array(z.array(z.string())),
});

const benchGoal = z.strictObject({
  goal: z.string(),
  figure: z.string(),
  /** Null when it could not be measured here. */
  met: z.boolean().nullable(),
});

const benchSection = z.strictObject({
  /** Name of the file. */
  id: z.string().regex(/^[a-z][a-z0-9-]*$/),
  title: z.string(),
  /** Place on the page, ascending. */
  order: z.int(),
  /** ISO 8601 UTC. */
  measuredAt: z.iso.datetime(),
  /** What starts it. */
  command: z.string(),
  /** Such as CPU, memory, kernel, Node. */
  machine: z.record(z.string(), z.string()),
  /** Of what took part: name and version. */
  versions: z.record(z.string(), z.string()),
  goals: z.array(benchGoal),
  tables: z.array(benchTable),
  /** How it was measured, what is not, and what was skipped. */
  notes: z.array(z.string()),
});

/** A table of texts; every row has as many cells as there are columns. */
export type BenchTable = z.output<typeof benchTable>;

export type BenchGoal = z.output<typeof benchGoal>;

/** The results of one bench program: one section of docs/benchmarks.md. */
export type BenchSection = z.output<typeof benchSection>;

/** Leaves a section where {@link readSections} finds it. */
export function writeSection(section: BenchSection, folder: string = RESULTS_FOLDER): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${section.id}.json`), `${JSON.stringify(section, null, 2)}\n`);
}

/** Every section that was left, in the order of the page. Throws for a file that is none, naming it. */
export function readSections(folder: string = RESULTS_FOLDER): readonly BenchSection[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => readSection(join(folder, name)))
    .sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
}

function readSection(file: string): BenchSection {
  const result = benchSection.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (result.success) return result.data;
  throw new Error(`${file}: ${z.prettifyError(result.error)}`);
}
