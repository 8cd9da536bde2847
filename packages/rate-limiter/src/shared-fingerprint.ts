/** SipHash-1-3 over the UTF-16 units of a string, in 32-bit halves; see {@link FingerprintHash.read}. */
export class FingerprintHash {
  /** The two halves of the latest hash, unsigned. */
  high = 0;
  low = 0;
  readonly #seed: Int32Array;
  /** v0 to v3, low half first. */
  readonly #v = new Int32Array(8);

  /** @param seed 128 secret random bits: without them nobody can make two keys that collide. */
  constructor(seed: Int32Array) {
    this.#seed = seed;
  }

  /**
   * Hashes a string. Keyed with a random seed, SipHash is a pseudo-random function (Aumasson and Bernstein, 2012);
   * one compression round and three final ones are what hash tables of Rust and Ruby use.
   */
  read(text: string): void {
    const v = this.#v;
    const k0 = this.#seed[0] ?? 0;
    const k1 = this.#seed[1] ?? 0;
    const k2 = this.#seed[2] ?? 0;
    const k3 = this.#seed[3] ?? 0;
    v[0] = k0 ^ 0x70736575;
    v[1] = k1 ^ 0x736f6d65;
    v[2] = k2 ^ 0x6e646f6d;
    v[3] = k3 ^ 0x646f7261;
    v[4] = k0 ^ 0x6e657261;
    v[5] = k1 ^ 0x6c796765;
    v[6] = k2 ^ 0x79746573;
    v[7] = k3 ^ 0x74656462;
    const { length } = text;
    for (let i = 0; i < length; i += 4) {
      // charCodeAt past the end is NaN, which the shift makes 0; the length in the last block tells them apart.
      this.#block(
        text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16),
        text.charCodeAt(i + 2) | (text.charCodeAt(i + 3) << 16),
      );
    }
    this.#block(length, 0x53554c4c);
    v[4] = (v[4] ?? 0) ^ 0xff;
    for (let i = 0; i < 3; i++) round(v);
    this.low = ((v[0] ?? 0) ^ (v[2] ?? 0) ^ (v[4] ?? 0) ^ (v[6] ?? 0)) >>> 0;
    this.high = ((v[1] ?? 0) ^ (v[3] ?? 0) ^ (v[5] ?? 0) ^ (v[7] ?? 0)) >>> 0;
  }

  #block(low: number, high: number): void {
    const v = this.#v;
    v[6] = (v[6] ?? 0) ^ low;
    v[7] = (v[7] ?? 0) ^ high;
    round(v);
    v[0] = (v[0] ?? 0) ^ low;
    v[1] = (v[1] ?? 0) ^ high;
  }
}

function round(v: Int32Array): void {
  add(v, 0, 2);
  rotateXor(v, 2, 13, 0);
  rotate(v, 0, 32);
  add(v, 4, 6);
  rotateXor(v, 6, 16, 4);
  add(v, 0, 6);
  rotateXor(v, 6, 21, 0);
  add(v, 4, 2);
  rotateXor(v, 2, 17, 4);
  rotate(v, 4, 32);
}

function add(v: Int32Array, to: number, from: number): void {
  const low = ((v[to] ?? 0) >>> 0) + ((v[from] ?? 0) >>> 0);
  v[to] = low;
  v[to + 1] = (v[to + 1] ?? 0) + (v[from + 1] ?? 0) + (low > 0xffffffff ? 1 : 0);
}

/** Rotates left. */
function rotate(v: Int32Array, at: number, bits: number): void {
  const low = v[at] ?? 0;
  const high = v[at + 1] ?? 0;
  if (bits === 32) {
    v[at] = high;
    v[at + 1] = low;
    return;
  }
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
}

function rotateXor(v: Int32Array, at: number, bits: number, other: number): void {
  rotate(v, at, bits);
  v[at] = (v[at] ?? 0) ^ (v[other] ?? 0);
  v[at + 1] = (v[at + 1] ?? 0) ^ (v[other + 1] ?? 0);
}
