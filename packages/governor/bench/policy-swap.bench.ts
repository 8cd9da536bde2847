import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { toolCall } from '@cortex-governance/core';
import { createGovernor, type Governor } from '../src/index.ts';

/*
 * Policy files replaced under full load, with the watcher on. Seconds in which a file is replaced and
 * seconds in which none is take turns in one process, so that what else the machine does falls on both.
 * Every verdict is checked: its hash must be that of a known version, and its answer that of this version.
 */

/** Seconds with a swap; as many without. */
const SWAPS = 10;
const WINDOW_MS = 1_000;
/** Decisions between two looks at the clock, and at what the watcher has to say. */
const BLOCK = 500;
const GOAL_LOSS = 0.05;

/** What the evidence queue cannot hold is counted as a gap, so that the disk does not set the pace. */
const CONFIG = `
killSwitch: { watch: false }
evidence: { whenFull: gap, maxQueuedRecords: 4096 }
log: { level: silent }
`;

/** The folder that each version covers. */
const VERSIONS = ['docs', 'packages'];

const CALLS = VERSIONS.map((folder) =>
  toolCall({
    tenant: 'default',
    agent: 'a1',
    tool: 'git-map',
    action: 'tree',
    args: { path: `${folder}/a.md` },
  }),
);

interface Window {
  readonly perSecond: number;
  readonly longestBlockMs: number;
  /** Whether another version came into force. */
  readonly taken: boolean;
}

async function put(root: string, version: number): Promise<void> {
  const grant = {
    tool: 'git-map',
    actions: ['tree'],
    args: { path: { type: 'string' } },
    fsScope: [VERSIONS[version]],
    rate: { perMinute: 1_000_000 },
  };
  const temporary = join(root, 'git.new');
  await writeFile(temporary, JSON.stringify(grant));
  await rename(temporary, join(root, 'policy', 'tools', 'git.json'));
}

/** The version of each hash. Leaves version 0 in force. */
async function learn(root: string, governor: Governor): Promise<ReadonlyMap<string, number>> {
  const known = new Map<string, number>();
  for (const version of [1, 0]) {
    await put(root, version);
    await governor.grants.reload();
    known.set(governor.grants.current().policyHash, version);
  }
  if (known.size !== VERSIONS.length) throw new Error('the versions have the same hash');
  return known;
}

/** Decides a block; returns the version of its last verdict. No verdict may be of a mix. */
function decideBlock(governor: Governor, known: ReadonlyMap<string, number>): number {
  let version = -1;
  for (let i = 0; i < BLOCK; i += 1) {
    const asked = i % VERSIONS.length;
    const request = CALLS[asked];
    if (request === undefined) throw new Error('no such call');
    const { effect, code, policyHash } = governor.decide(request);
    version = known.get(policyHash) ?? -1;
    // The limit of a million calls a minute may be reached; that is an answer of the limiter.
    const expected = version === asked ? 'ALLOWED' : 'PATH_OUT_OF_SCOPE';
    if (version < 0 || (code !== expected && !(version === asked && code === 'RATE_LIMITED')))
      throw new Error(`version ${version} answers ${effect} ${code} to call ${asked}`);
  }
  return version;
}

/** Decides for a second. With `swap`, another version is put in place at its start. */
async function play(
  governor: Governor,
  known: ReadonlyMap<string, number>,
  swap: () => Promise<void>,
): Promise<Window> {
  const before = decideBlock(governor, known);
  const swapped = swap();
  let longestBlockMs = 0;
  let decisions = 0;
  let version = before;
  const start = performance.now();
  let now = start;
  while (now - start < WINDOW_MS) {
    version = decideBlock(governor, known);
    decisions += BLOCK;
    await setImmediate();
    const after = performance.now();
    longestBlockMs = Math.max(longestBlockMs, after - now);
    now = after;
  }
  await swapped;
  return {
    perSecond: (decisions * 1000) / (now - start),
    longestBlockMs,
    taken: version !== before,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

function line(name: string, windows: readonly Window[]): string {
  const rates = windows.map(({ perSecond }) => perSecond / 1000);
  const longest = Math.max(...windows.map(({ longestBlockMs }) => longestBlockMs)).toFixed(1);
  const all = rates.map((rate) => rate.toFixed(0)).join(' ');
  return `${name.padEnd(20)} median ${median(rates).toFixed(0)} k/s (${all}), longest pause ${longest} ms\n`;
}

const workspace = await mkdtemp(join(tmpdir(), 'bench-swap-'));
const root = join(workspace, '.cortex');
try {
  await mkdir(join(root, 'policy', 'tools'), { recursive: true });
  for (const folder of VERSIONS) await mkdir(join(workspace, folder));
  await put(root, 0);
  await writeFile(join(root, 'governance.yaml'), CONFIG);
  const governor = await createGovernor({ root, name: 'bench' });
  const known = await learn(root, governor);
  const still: Window[] = [];
  const swapping: Window[] = [];
  for (let i = 0; i < 2; i += 1) await play(governor, known, async () => {});
  for (let i = 1; i <= SWAPS; i += 1) {
    swapping.push(await play(governor, known, () => put(root, i % VERSIONS.length)));
    still.push(await play(governor, known, async () => {}));
  }
  const { problems } = governor.grants.status();
  if (problems.length > 0) throw new Error(problems.join('; '));
  await governor.close();
  if (still.some(({ taken }) => taken))
    throw new Error('a version changed though none was replaced');
  const missed = swapping.filter(({ taken }) => !taken).length;
  if (missed > 0) throw new Error(`${missed} of ${SWAPS} versions did not come into force in time`);
  const rateOf = (windows: readonly Window[]): number =>
    median(windows.map(({ perSecond }) => perSecond));
  process.stdout.write(line('left alone', still));
  process.stdout.write(line('replaced', swapping));
  process.stdout.write(
    `${SWAPS} versions, all in force within a second, no verdict of a mix; throughput ratio ` +
      `${(rateOf(swapping) / rateOf(still)).toFixed(3)} (goal: at least ${1 - GOAL_LOSS})\n`,
  );
} finally {
  await rm(workspace, { recursive: true, force: true });
}
