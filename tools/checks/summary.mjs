/*
 * Sums JUnit reports: `node tools/checks/summary.mjs [--failed-steps=N] <folder>…`
 * Names every skipped, flaky and failed test with its report, and what the last two said. The last line
 * of the output is `N passed, N failed`. Exits 1 when anything failed, and when no test passed at
 * all: an empty run proves nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Lines of a failed test's message that are repeated; the report has the rest. */
const MESSAGE_LINES = 4;

/** Longest of these lines, in characters: a compared text may be a whole file. */
const MAX_LINE_LENGTH = 200;

/**
 * Counts the test cases in every `*.xml` of the folders; `skipped` holds their names with their report,
 * `failures` those of failed ones and what they said, `flaky` the same of those in `*.flaky.json`, which
 * failed and passed when they were run again. A folder that does not exist counts as empty.
 */
export function countTests(folders) {
  const counts = { passed: 0, failed: 0, skipped: [], failures: [], flaky: [] };
  for (const file of folders.flatMap((folder) => reportFiles(folder, '.flaky.json'))) {
    for (const { name, message } of JSON.parse(readFileSync(file, 'utf8'))) {
      counts.flaky.push({ name: `${reportName(file)}: ${name}`, lines: saidLines(message) });
    }
  }
  for (const file of folders.flatMap((folder) => reportFiles(folder, '.xml'))) {
    const report = reportName(file);
    for (const testCase of testCases(readFileSync(file, 'utf8'))) {
      const name = `${report}: ${testCase.name}`;
      if (testCase.outcome === 'skipped') counts.skipped.push(name);
      else counts[testCase.outcome] += 1;
      if (testCase.outcome === 'failed') counts.failures.push({ name, lines: testCase.lines });
    }
  }
  return counts;
}

/** Returns what to print; skipped tests are named, because they prove nothing. */
export function summaryLines({ passed, failed, skipped, failures, flaky }) {
  const lines = [];
  if (skipped.length > 0) {
    lines.push(`SKIPPED ${skipped.length}:`, ...skipped.map((name) => `  ${name}`));
  }
  lines.push(...namedLines('FLAKY', flaky), ...namedLines('FAILED', failures));
  lines.push(`${passed} passed, ${failed} failed`);
  return lines;
}

function namedLines(title, tests) {
  if (tests.length === 0) return [];
  const said = tests.flatMap(({ name, lines }) => [
    `  ${name}`,
    ...lines.map((line) => `    ${line}`),
  ]);
  return [`${title} ${tests.length}:`, ...said];
}

function reportName(file) {
  return join(basename(dirname(file)), basename(file));
}

function reportFiles(folder, ending) {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(ending));
    return names.sort().map((name) => join(folder, name));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Vitest escapes `<` in texts, so a tag in a message cannot be taken for a tag of the report. */
function* testCases(xml) {
  for (const [, attributes, closed, body] of xml.matchAll(
    /<testcase\b((?:\s+[\w-]+="[^"]*")*)\s*(?:(\/>)|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const inside = closed === undefined ? body : '';
    let outcome = 'passed';
    if (/<(?:failure|error)\b/.test(inside)) outcome = 'failed';
    else if (/<skipped\b/.test(inside)) outcome = 'skipped';
    const name = decodeEntities(/\sname="([^"]*)"/.exec(attributes)?.[1] ?? 'unnamed');
    yield { name, outcome, lines: outcome === 'failed' ? failureLines(inside) : [] };
  }
}

/** What every failure of a test case says at its start, and where it was thrown. */
function failureLines(inside) {
  return [...inside.matchAll(/<(failure|error)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/\1>)/g)].flatMap(
    ([, , attributes, body = '']) => {
      const message = decodeEntities(/\smessage="([^"]*)"/.exec(attributes)?.[1] ?? body);
      const place = /^ *❯ .*$/m.exec(decodeEntities(body))?.[0].trim();
      return [...saidLines(message), ...(place === undefined ? [] : [cut(place)])];
    },
  );
}

/** The first lines of a message. */
function saidLines(message) {
  const said = message.split('\n').filter((line) => line.trim() !== '');
  return said.slice(0, MESSAGE_LINES).map(cut);
}

function cut(line) {
  return line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…` : line;
}

const ENTITIES = { amp: '&', apos: "'", gt: '>', lt: '<', quot: '"' };

function decodeEntities(text) {
  return text.replace(/&(?:(amp|apos|gt|lt|quot)|#(\d+)|#x([\da-f]+));/gi, (_, name, dec, hex) =>
    name === undefined ? String.fromCodePoint(dec ?? `0x${hex}`) : ENTITIES[name.toLowerCase()],
  );
}

function main(args) {
  const option = args.find((arg) => arg.startsWith('--failed-steps='));
  const counts = countTests(args.filter((arg) => arg !== option));
  counts.failed += Number(option?.split('=')[1] ?? 0);
  for (const line of summaryLines(counts)) console.log(line);
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
