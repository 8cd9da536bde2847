/** How many units are asked for in a period: the higher of this period and the one before. */
export class RedisDemand {
  #startMs = Number.NEGATIVE_INFINITY;
  #current = 0;
  #previous = 0;

  add(units: number, nowMs: number, periodMs: number): void {
    const age = nowMs - this.#startMs;
    if (age >= periodMs) {
      this.#previous = age < 2 * periodMs ? this.#current : 0;
      this.#current = 0;
      this.#startMs = nowMs;
    }
    this.#current += units;
  }

  rate(): number {
    return Math.max(this.#current, this.#previous);
  }
}
