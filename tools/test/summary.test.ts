import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { countTests, summaryLines } from '../checks/summary.mjs';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cortex-summary-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function report(name: string, ...cases: string[]): void {
  const suite = `<testsuite name="a" failures="9" errors="0" skipped="0">${cases.join('\n')}</testsuite>`;
  writeFileSync(join(folder, name), `<testsuites name="vitest tests">\n${suite}\n</testsuites>\n`);
}

it('sums the test cases of all reports', () => {
  report(
    'one.xml',
    '<testcase classname="a" name="passes" time="0.1">\n</testcase>',
    '<testcase classname="a" name="fails &gt; twice"><failure message="1">x</failure><failure message="2">y</failure></testcase>',
  );
  report(
    'two.xml',
    '<testcase classname="b" name="short"/>',
    '<testcase classname="b" name="errors"><error message="z"></error></testcase>',
    '<testcase classname="b" name="is &quot;skipped&quot;">\n<skipped/>\n</testcase>',
  );
  writeFileSync(join(folder, 'notes.txt'), '<testcase name="no report"/>');
  const counts = countTests([folder, join(folder, 'missing')]);
  expect(counts).toEqual({ passed: 2, failed: 2, skipped: ['two.xml: is "skipped"'] });
  expect(summaryLines(counts)).toEqual([
    'SKIPPED 1:',
    '  two.xml: is "skipped"',
    '2 passed, 2 failed',
  ]);
});

it('does not take escaped text or printed output for a result', () => {
  report(
    'one.xml',
    '<testcase name="prints &lt;failure&gt;">\n<system-out>\n&lt;failure&gt; &lt;/testcase&gt;\n</system-out>\n</testcase>',
  );
  expect(countTests([folder])).toEqual({ passed: 1, failed: 0, skipped: [] });
});

it('prints one line when nothing is skipped', () => {
  expect(summaryLines({ passed: 3, failed: 0, skipped: [] })).toEqual(['3 passed, 0 failed']);
});
