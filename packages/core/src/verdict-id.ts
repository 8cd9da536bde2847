import { randomBytes } from 'node:crypto';

const HEX_12_BIT: readonly string[] = Array.from({ length: 4096 }, (_, n) =>
  n.toString(16).padStart(3, '0'),
);

/**
 * A source of UUIDv7 ids (RFC 9562 section 5.7) that sort in the order they were made.
 *
 * The 12 bits of `rand_a` are a counter within the millisecond (method 1 of section 6.2); when it
 * is used up, the timestamp runs ahead by one. A clock that steps back does not: ids keep the last
 * timestamp until it is passed again. The 62 bits of `rand_b` are drawn once per source.
 */
export class VerdictIdSource {
  readonly #suffix: string;
  #lastMs = -1;
  #counter = 0;
  #prefix = '';

  /** @param random at least 8 random bytes; drawn from the system when left out. */
  constructor(random: Uint8Array = randomBytes(8)) {
    const bytes = Buffer.from(random.subarray(0, 8));
    bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    this.#suffix = `-${hex.slice(0, 4)}-${hex.slice(4)}`;
  }

  /** The next id. @param wallMs milliseconds since the Unix epoch. */
  next(wallMs: number): string {
    const ms = Math.floor(wallMs);
    if (ms > this.#lastMs) {
      this.#startMillisecond(ms);
    } else if (this.#counter === 4095) {
      this.#startMillisecond(this.#lastMs + 1);
    } else {
      this.#counter += 1;
    }
    return this.#prefix + HEX_12_BIT[this.#counter] + this.#suffix;
  }

  #startMillisecond(ms: number): void {
    const hex = ms.toString(16).padStart(12, '0');
    this.#lastMs = ms;
    this.#counter = 0;
    this.#prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
  }
}

/** Milliseconds since the Unix epoch at which a {@link VerdictIdSource} made this id. */
export function verdictTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
