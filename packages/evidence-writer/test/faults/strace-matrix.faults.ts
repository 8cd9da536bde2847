import { spawnSync } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createEvidenceWriter,
  type EvidenceRecord,
  fileSigningKey,
  rotateSigningKey,
} from '../../src/index.ts';
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
import { type Task, type TracedRun, traceScenario } from './traced-writer.ts';

/*
 * Every call that the writer makes to the file system fails once, and is once the last before a kill.
 * `CORTEX_LONG=1` (`nx test-long evidence-writer`) takes all of them.
 */

const ALL_CASES = process.env['CORTEX_LONG'] === '1';

/** Where a call may be that is not where it was in the run without faults. */
const SHIFTS = [0, -1, 1, -2, 2];

const strace = neededTool(
  ['strace', '-e', 'trace=none', 'true'],
  'install the package strace, and allow ptrace (kernel.yama.ptrace_scope, seccomp of the container)',
);

/** A state that the scenario starts from, and what it does. */
interface Start {
  readonly task: Task;
  readonly dir: string;
  /** What was acknowledged before. */
  readonly acknowledged: readonly Acknowledgement[];
  /** Does the rest of the task after a fault, and checks what must hold then. */
  readonly finish: (dir: string, acknowledged: readonly Acknowledgement[]) => Promise<void>;
}

function startAgain(dir: string, acknowledged: readonly Acknowledgement[]): Promise<void> {
  return expectRecovered({ dir }, acknowledged);
}

async function emptyStart(): Promise<Start> {
  return { task: 'append', dir: await temporaryFolder(), acknowledged: [], finish: startAgain };
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
  return { task: 'append', dir, acknowledged: await acknowledgedIn(dir), finish: startAgain };
}

/** A closed log in which every other record is to be erased. */
async function erasableStart(): Promise<Start> {
  const dir = await temporaryFolder();
  const writer = await openWriter({ dir });
  const subject = { type: 'agent', id: 'forgotten' };
  for (let i = 0; i < 260; i += 1) {
    writer.appendDecision(i % 2 === 0 ? call({ i }) : { ...call({ i }), subject }, allowed());
  }
  await writer.close();
  const kept = await acknowledgedIn(dir, (record) => subjectOf(record) !== subject.id);
  return { task: 'erase', dir, acknowledged: kept, finish: eraseAgain };
}

/** Erasing again ends what was begun; all of it is gone then, and nothing else. */
async function eraseAgain(dir: string, acknowledged: readonly Acknowledgement[]): Promise<void> {
  const writer = await createEvidenceWriter({ dir });
  await writer.erase({ select: { subject: 'forgotten' }, by: 'test', reason: 'request 1' });
  await writer.close();
  await expectRecovered({ dir }, acknowledged);
  const left = (await recordsOf(join(dir, 'default'))).filter((r) => subjectOf(r) === 'forgotten');
  // Those behind the last full bundle cannot be erased yet.
  expect(left.length).toBe(2);
}

/** A closed log that is to get another key. */
async function rotatableStart(): Promise<Start> {
  const dir = await temporaryFolder();
  await fileSigningKey(join(dir, 'next-key.pem'), true);
  const writer = await openWriter({ dir });
  for (let i = 0; i < 20; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.close();
  return { task: 'rotate', dir, acknowledged: await acknowledgedIn(dir), finish: rotateAgain };
}

/** Rotating again ends what was begun: the log has the new key, and goes on with it. */
async function rotateAgain(dir: string, acknowledged: readonly Acknowledgement[]): Promise<void> {
  const keyFile = join(dir, 'next-key.pem');
  const from = await fileSigningKey(join(dir, 'signing-key.pem'), false);
  const to = await fileSigningKey(keyFile, false);
  await rotateSigningKey({ dir, from, to, by: 'test', reason: 'yearly' });
  await expectRecovered({ dir, keyFile }, acknowledged);
}

async function acknowledgedIn(
  dir: string,
  isWanted: (record: EvidenceRecord) => boolean = () => true,
): Promise<readonly Acknowledgement[]> {
  const records = (await recordsOf(join(dir, 'default'))).filter(isWanted);
  return records.map(({ id }) => ({ level: 'disk', id }));
}

function subjectOf(record: EvidenceRecord): string | null {
  return record.kind === 'decision' ? record.subject.id : null;
}

/**
 * Runs a case, and where it hit another call than the one meant, the calls beside it: wake-ups between
 * threads are calls too, and not always as many. Whatever was hit, the same must hold.
 */
async function runUntilHit(start: Start, one: FaultCase, expected: number): Promise<boolean> {
  for (const shift of SHIFTS) {
    const call = { ...one.call, index: Math.max(1, one.call.index + shift) };
    if (await runCase(start, { ...one, call }, expected)) return true;
  }
  return false;
}

/**
 * Runs the scenario on a copy of the start, and checks what it says and what it leaves.
 * @param expected acknowledgements without a fault.
 */
async function runCase(
  start: Start,
  { call: at, fault }: FaultCase,
  expected: number,
): Promise<boolean> {
  const dir = await mkdtemp(join(tmpdir(), 'evidence-'));
  await cp(start.dir, dir, { recursive: true });
  const inject = `inject=${at.name}:${fault}:when=${at.index}`;
  const run = await traceScenario(dir, start.task, [`trace=${at.name}`, inject]);
  const isHit = targetOf(faultyLine(run), dir) === at.target;
  expectHonest(run, isHit ? at.name : '', fault);
  if (run.end === 'closed') expect(run.acknowledged).toHaveLength(expected);
  const acknowledged = [...start.acknowledged, ...run.acknowledged];
  const names = await readdir(join(dir, 'default')).catch((): string[] => []);
  if (names.includes('checkpoint') || acknowledged.length > 0)
    await expectWholeAsLeft(join(dir, 'default'), acknowledged);
  await start.finish(dir, acknowledged);
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
}

function nameOf({ call: { name, index, target }, fault }: FaultCase): string {
  return `${fault} at ${name} ${index} (${target})`;
}

describe(`faults at calls of the file system${strace.note}`, () => {
  it.skipIf(!strace.works).each([
    ['a new log', emptyStart],
    ['a log that a killed writer left', crashedStart],
    ['a log from which records are erased', erasableStart],
    ['a log that gets another key', rotatableStart],
  ])(
    'lose nothing that was acknowledged, and damage nothing, in %s',
    async (_name, prepare) => {
      const start = await prepare();
      const dir = await temporaryFolder();
      await cp(start.dir, dir, { recursive: true });
      const dry = await traceScenario(dir, start.task, [`trace=${COVERED_CALLS}`]);
      expect(dry.end).toBe('closed');
      expect(dry.acknowledged).toHaveLength({ append: 30, erase: 3, rotate: 0 }[start.task]);
      const cases = faultCases(parseCalls(dry.trace, dir), ALL_CASES);
      expect(cases.length).toBeGreaterThan(ALL_CASES ? 250 : 80);
      const missed: string[] = [];
      await sideBySide(cases, async (one) => {
        try {
          if (!(await runUntilHit(start, one, dry.acknowledged.length))) missed.push(nameOf(one));
        } catch (error) {
          throw new Error(nameOf(one), { cause: error });
        }
      });
      expect(missed.length > cases.length / 10 ? missed : []).toEqual([]);
    },
    1_200_000,
  );
});
