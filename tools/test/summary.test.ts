import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
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
  const reports = basename(folder);
  expect(counts).toMatchObject({
    passed: 2,
    failed: 2,
    skipped: [`${reports}/two.xml: is "skipped"`],
  });
  expect(summaryLines(counts)).toEqual([
    'SKIPPED 1:',
    `  ${reports}/two.xml: is "skipped"`,
    'FAILED 2:',
    `  ${reports}/one.xml: fails > twice`,
    '    1',
    '    2',
    `  ${reports}/two.xml: errors`,
    '    z',
    '2 passed, 2 failed',
  ]);
});

it('repeats the first lines of what a failed test said, and where, before the last line', () => {
  const message = ['expected &apos;a&apos; to be &lt;b&gt;', '', '2', '3', '4&#10;5'].join('\n');
  report(
    'one.xml',
    `<testcase classname="name" name="fails" time="0">
      <failure message="${message}" type="AssertionError">
AssertionError: ${message}

 ❯ helper test/one.test.ts:22:18
 ❯ test/one.test.ts:38:31
      </failure>
    </testcase>`,
    `<testcase name="is long"><error message="${'x'.repeat(500)}"/></testcase>`,
    '<testcase name="says nothing"><failure>thrown: 1\n</failure></testcase>',
  );
  expect(summaryLines(countTests([folder]))).toEqual([
    'FAILED 3:',
    `  ${basename(folder)}/one.xml: fails`,
    "    expected 'a' to be <b>",
    '    2',
    '    3',
    '    4',
    '    ❯ helper test/one.test.ts:22:18',
    `  ${basename(folder)}/one.xml: is long`,
    `    ${'x'.repeat(200)}…`,
    `  ${basename(folder)}/one.xml: says nothing`,
    '    thrown: 1',
    '0 passed, 3 failed',
  ]);
});

it('does not take escaped text or printed output for a result', () => {
  report(
    'one.xml',
    '<testcase name="prints &lt;failure&gt;">\n<system-out>\n&lt;failure&gt; &lt;/testcase&gt;\n</system-out>\n</testcase>',
  );
  expect(countTests([folder])).toEqual({
    passed: 1,
    failed: 0,
    skipped: [],
    failures: [],
    flaky: [],
  });
});

it('prints one line when nothing is skipped', () => {
  expect(summaryLines({ passed: 3, failed: 0, skipped: [], failures: [], flaky: [] })).toEqual([
    '3 passed, 0 failed',
  ]);
});

it('names the tests that passed only when they were run again', () => {
  report('one.xml', '<testcase classname="a" name="passes" time="0.1"/>');
  const flaky = [{ name: 'passes', message: `first\n\n${'x'.repeat(300)}\n3\n4\n5` }];
  writeFileSync(join(folder, 'one.flaky.json'), JSON.stringify(flaky));
  const lines = summaryLines(countTests([folder]));
  expect(lines).toEqual([
    'FLAKY 1:',
    `  ${basename(folder)}/one.flaky.json: passes`,
    '    first',
    `    ${'x'.repeat(200)}…`,
    '    3',
    '    4',
    '1 passed, 0 failed',
  ]);
});
