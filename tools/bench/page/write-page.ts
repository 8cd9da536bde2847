import { writeFileSync } from 'node:fs';
import { readSections } from './bench-section.ts';
import { renderBenchmarksPage } from './benchmarks-page.ts';

const PAGE = new URL('../../../docs/benchmarks.md', import.meta.url);

/** Writes docs/benchmarks.md from the results that bench programs have left; measures nothing. */
export function writePage(): void {
  writeFileSync(PAGE, renderBenchmarksPage(readSections()));
}
