import type { Question, Workload } from './workload.ts';

/** One way to answer the questions of a workload. */
export interface Contender {
  readonly name: string;
  /** What it does less, or differently, than `decide` with evidence on; empty when nothing. */
  readonly note: string;
  /** Whether every timed answer is an allow, or every one a denial. */
  readonly allows: boolean;
  /** Whether {@link decide} returns promises. */
  readonly async: boolean;
  /** Answers the i-th timed question; `i` only rises. */
  readonly decide: (i: number) => boolean | Promise<boolean>;
  /** Answers any question: what is checked before the timing. Null for one that is timed on other questions. */
  readonly answer: ((question: Question) => boolean | Promise<boolean>) | null;
  /** Before and after each timed block, outside the time. */
  readonly enter?: () => Promise<void>;
  readonly leave?: () => Promise<void>;
  /** After each round, outside the time; once where contenders share the function. */
  readonly settle?: () => Promise<void>;
}

/** Contenders that are ready, and how to clear up after them. */
export interface Lineup {
  readonly contenders: readonly Contender[];
  /** Why a contender does not take part on this machine, and what would change that. */
  readonly skipped?: readonly string[];
  readonly close?: () => Promise<void>;
}

export type Preparation = (workload: Workload) => Promise<Lineup>;
