import { parseArgs } from 'node:util';
import { decisionSection } from './decision/decision-section.ts';
import { measureSizes } from './decision/measure-sizes.ts';
import { describeVersions } from './decision/versions.ts';
import { writeSection } from './page/bench-section.ts';
import { renderText } from './page/text-report.ts';
import { writePage } from './page/write-page.ts';

/*
 * `pnpm bench`: decisions beside a hand-written floor and beside what else could be embedded.
 * `--write` also writes docs/benchmarks.md, from this and all other results in reports/bench.
 * `--page` writes the page from the results that are there, and measures nothing.
 * `--sizes 10,1000` and `--rounds 20` make it shorter; the goals then may have no figure.
 */

const SIZES = '10,100,1000,10000';
const ROUNDS = '60';

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    sizes: { type: 'string', default: SIZES },
    rounds: { type: 'string', default: ROUNDS },
  },
});

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`not a positive whole number: ${text}`);
}

async function measure(): Promise<void> {
  const sizes = values.sizes.split(',').map(positive);
  const results = await measureSizes(sizes, positive(values.rounds));
  const section = decisionSection(results, describeVersions(), new Date());
  writeSection(section);
  process.stdout.write(renderText(section));
}

if (!values.page) await measure();
if (values.page || values.write) writePage();
