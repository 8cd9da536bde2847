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

/** The verdicts of one code, stage and shadow. */
class KindCounter {
  readonly stage: Stage;
  readonly shadowed: boolean;
  count = 0;

  constructor(stage: Stage, shadowed: boolean) {
    this.stage = stage;
    this.shadowed = shadowed;
  }
}

/** Counts verdicts by code, stage and shadow with one addition each; read when metrics are scraped. */
export class DecisionCounters {
  /** Nearly every code has one stage, so its kinds are searched by looking. */
  readonly #byCode = new Map<VerdictCode, KindCounter[]>();
  #allowed = 0;
  #total = 0;

  count(verdict: Verdict): void {
    this.#kindOf(verdict).count += 1;
    this.#total += 1;
    if (verdict.effect === 'allow') this.#allowed += 1;
  }

  get total(): number {
    return this.#total;
  }

  get allowed(): number {
    return this.#allowed;
  }

  /** Every kind of verdict given so far, stages in their order. */
  *counts(): Generator<DecisionCount> {
    for (const [code, kinds] of this.#byCode) {
      const ordered = kinds.toSorted((a, b) => orderOf(a) - orderOf(b));
      for (const { stage, shadowed, count } of ordered) {
        const result = shadowed ? 'allow' : (REASON_CODES[code].effect ?? 'deny');
        yield { result, stage, code, shadowed, count };
      }
    }
  }

  #kindOf({ code, stage, shadowed }: Verdict): KindCounter {
    const kinds = this.#byCode.get(code);
    if (kinds !== undefined) {
      for (let i = 0; i < kinds.length; i += 1) {
        const kind = kinds[i];
        if (kind !== undefined && kind.stage === stage && kind.shadowed === shadowed) return kind;
      }
    }
    return this.#addKind(code, stage, shadowed);
  }

  #addKind(code: VerdictCode, stage: Stage, shadowed: boolean): KindCounter {
    const kind = new KindCounter(stage, shadowed);
    const kinds = this.#byCode.get(code);
    if (kinds === undefined) this.#byCode.set(code, [kind]);
    else kinds.push(kind);
    return kind;
  }
}

function orderOf({ stage, shadowed }: KindCounter): number {
  return STAGES.indexOf(stage) * 2 + (shadowed ? 1 : 0);
}
