import { spawnSync } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Acknowledgement } from '../killed-writer.ts';
import { allowed, call, openWriter, recordsOf, temporaryFolder } from '../support.ts';
import {
  COVERED_CALLS,
  type FaultCase,
  faultCases,
  isPromise,
  parseCalls,
  targetOf,
} from './fault-cases.ts';
import { neededTool } from './needed-tool.ts';
import { expectRecovered, expectWholeAsLeft } from './settled-log.ts';
import { sideBySide } from './side-by-side.ts';
import { type TracedRun, traceScenario } from './traced-writer.ts';

/*
 * Every call that the writer makes to the file system fails once, and is once the last before a kill.
 * `CORTEX_LONG=1` (`nx test-long evidence-writer`) takes all of them.
 */

const ALL_CASES = process.env['CORTEX_LONG'] === '1';

const strace = neededTool(
  ['strace', '-e', 'trace=none', 'true'],
  'install the package strace, and allow ptrace (kernel.yama.ptrace_scope, seccomp of the container)',
);

/** A state that the scenario starts from. */
interface Start {
  readonly dir: string;
  /** What was acknowledged before. */
  readonly acknowledged: readonly Acknowledgement[];
}

async function emptyStart(): Promise<Start> {
  return { dir: await temporaryFolder(), acknowledged: [] };
}

/** What a killed writer left: tiles that are not full, records in the journal alone, a torn frame, its lock. */
async function crashedStart(): Promise<Start> {
  const live = await temporaryFolder();
  const writer = await openWriter({ dir: live, checkpointIntervalMs: 3_600_000 });
  for (let i = 0; i < 250; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.flush();
  for (let i = 0; i < 20; i += 1) {
    await writer.durable(writer.appendDecision(call({ i }), allowed()), 'disk');
  }
  const dir = await temporaryFolder();
  await cp(live, dir, { recursive: true });
  const lock = JSON.parse(await readFile(join(dir, 'default.lock'), 'utf8')) as object;
  const { pid } = spawnSync('true');
  await writeFile(join(dir, 'default.lock'), JSON.stringify({ ...lock, pid }));
  await writeFile(join(dir, 'default/tmp/0123456789abcdef'), 'half');
  const [segment = ''] = (await readdir(join(dir, 'default/journal'))).sort().slice(-1);
  await appendFile(join(dir, 'default/journal', segment), 'CGJ1 and no more');
  const records = await recordsOf(join(dir, 'default'));
  return { dir, acknowledged: records.map(({ id }) => ({ level: 'disk', id })) };
}

/** Runs the scenario on a copy of the start, and checks what it says and what it leaves. */
async function runCase(start: Start, { call: at, fault }: FaultCase): Promise<boolean> {
  const dir = await mkdtemp(join(tmpdir(), 'evidence-'));
  await cp(start.dir, dir, { recursive: true });
  const inject = `inject=${at.name}:${fault}:when=${at.index}`;
  const run = await traceScenario(dir, [`trace=${at.name}`, inject]);
  const isHit = targetOf(faultyLine(run), dir) === at.target;
  expectHonest(run, isHit ? at.name : '', fault);
  const acknowledged = [...start.acknowledged, ...run.acknowledged];
  const names = await readdir(join(dir, 'default')).catch((): string[] => []);
  if (names.includes('checkpoint') || acknowledged.length > 0)
    await expectWholeAsLeft(join(dir, 'default'), acknowledged);
  await expectRecovered({ dir }, acknowledged);
  await rm(dir, { recursive: true });
  return isHit;
}

/** The line of the trace at which the fault came: a killed call is the last. */
function faultyLine({ trace }: TracedRun): string {
  const calls = trace.filter((line) => line.includes(' = '));
  return calls.find((line) => line.includes('INJECTED')) ?? calls.at(-1) ?? '';
}

/** The process says how it ended, and says that it failed when what it promised rests on the failed call. */
function expectHonest(run: TracedRun, name: string, fault: string): void {
  if (fault.startsWith('signal')) {
    expect(run.end).toBe('killed');
  } else if (name === '') {
    // Another call than the one meant, such as the thread's own wake-up, which ends the process.
    expect(run.end).toMatch(/^(closed|failed EVIDENCE_|aborted)/);
  } else {
    expect(run.end).toMatch(isPromise(name) ? /^failed EVIDENCE_/ : /^(closed|failed EVIDENCE_)/);
  }
  if (run.end === 'closed') expect(run.acknowledged).toHaveLength(30);
}

function nameOf({ call: { name, index, target }, fault }: FaultCase): string {
  return `${fault} at ${name} ${index} (${target})`;
}

describe(`faults at calls of the file system${strace.note}`, () => {
  it.skipIf(!strace.works).each([
    ['a log that is new', emptyStart],
    ['a log that a killed writer left', crashedStart],
  ])(
    'lose nothing that was acknowledged, and damage nothing, in %s',
    async (_name, prepare) => {
      const start = await prepare();
      const dir = await temporaryFolder();
      await cp(start.dir, dir, { recursive: true });
      const dry = await traceScenario(dir, [`trace=${COVERED_CALLS}`]);
      expect(dry).toMatchObject({ end: 'closed', acknowledged: { length: 30 } });
      const cases = faultCases(parseCalls(dry.trace, dir), ALL_CASES);
      expect(cases.length).toBeGreaterThan(ALL_CASES ? 500 : 200);
      const missed: string[] = [];
      await sideBySide(cases, async (one) => {
        try {
          if (!(await runCase(start, one))) missed.push(nameOf(one));
        } catch (error) {
          throw new Error(nameOf(one), { cause: error });
        }
      });
      // Wake-ups between threads are calls too, and not always as many.
      expect(missed.length > cases.length / 10 ? missed : []).toEqual([]);
    },
    1_200_000,
  );
});
