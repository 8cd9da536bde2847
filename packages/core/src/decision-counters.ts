import { REASON_CODES, type VerdictCode } from './reason-code.ts';
import { STAGES, type Stage } from './stage.ts';
import type { Verdict } from './verdict.ts';

/** How often one kind of verdict was given. */
export interface DecisionCount {
  readonly result: string;
  readonly stage: Stage;
  readonly code: VerdictCode;
  readonly shadowed: boolean;
  readonly count: number;
}

const STAGE_INDEX: ReadonlyMap<Stage, number> = new Map(STAGES.map((stage, i) => [stage, i]));

/** Counts verdicts by code, stage and shadow with one addition each; read when metrics are scraped. */
export class DecisionCounters {
  readonly #byCode = new Map<VerdictCode, Float64Array>();
  #allowed = 0;
  #total = 0;

  count(verdict: Verdict): void {
    let counts = this.#byCode.get(verdict.code);
    if (counts === undefined) {
      counts = new Float64Array(STAGES.length * 2);
      this.#byCode.set(verdict.code, counts);
    }
    const slot = (STAGE_INDEX.get(verdict.stage) ?? 0) * 2 + (verdict.shadowed ? 1 : 0);
    counts[slot] = (counts[slot] ?? 0) + 1;
    this.#total += 1;
    if (verdict.effect === 'allow') this.#allowed += 1;
  }

  get total(): number {
    return this.#total;
  }

  get allowed(): number {
    return this.#allowed;
  }

  /** Every kind of verdict given so far. */
  *counts(): Generator<DecisionCount> {
    for (const [code, counts] of this.#byCode) {
      for (const [stage, index] of STAGE_INDEX) {
        for (const shadow of [0, 1]) {
          const count = counts[index * 2 + shadow] ?? 0;
          if (count === 0) continue;
          const shadowed = shadow === 1;
          const result = shadowed ? 'allow' : (REASON_CODES[code].effect ?? 'deny');
          yield { result, stage, code, shadowed, count };
        }
      }
    }
  }
}
