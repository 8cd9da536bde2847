/*
 * Sums JUnit reports: `node tools/checks/summary.mjs [--failed-steps=N] <folder>…`
 * The last line of the output is `N passed, N failed`. Exits 1 when anything failed, and when no
 * test passed at all: an empty run proves nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Counts the test cases in every `*.xml` of the folders; `skipped` holds their names
 * with their report. A folder that does not exist counts as empty.
 */
export function countTests(folders) {
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const file of folders.flatMap(reportFiles)) {
    for (const testCase of testCases(readFileSync(file, 'utf8'))) {
      if (testCase.outcome === 'skipped')
        counts.skipped.push(`${basename(file)}: ${testCase.name}`);
      else counts[testCase.outcome] += 1;
    }
  }
  return counts;
}

/** Returns what to print; skipped tests are named, because they prove nothing. */
export function summaryLines({ passed, failed, skipped }) {
  const lines = [];
  if (skipped.length > 0) {
    lines.push(`SKIPPED ${skipped.length}:`, ...skipped.map((name) => `  ${name}`));
  }
  lines.push(`${passed} passed, ${failed} failed`);
  return lines;
}

function reportFiles(folder) {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.xml'));
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
    yield { name: decodeEntities(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? 'unnamed'), outcome };
  }
}

const ENTITIES = { amp: '&', apos: "'", gt: '>', lt: '<', quot: '"' };

function decodeEntities(text) {
  return text.replace(/&(amp|apos|gt|lt|quot);/g, (_, name) => ENTITIES[name]);
}

function main(args) {
  const option = args.find((arg) => arg.startsWith('--failed-steps='));
  const counts = countTests(args.filter((arg) => arg !== option));
  counts.failed += Number(option?.split('=')[1] ?? 0);
  for (const line of summaryLines(counts)) console.log(line);
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
