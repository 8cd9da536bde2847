import { MAX_NOTE_BYTES } from '../signed-note.ts';
import { parseVerifierKey, type VerifierKey } from '../verifier-key.ts';
import { readCosignatures } from './cosignature.ts';

/** Longest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 16_384;

/** A witness as it is configured. */
export interface WitnessAddress {
  /** Its submission prefix, such as https://witness.example.com/api. */
  readonly url: string;
  /** Its public key, a `vkey` line of type 0x04. */
  readonly key: string;
}

/** What a witness answered. */
export type WitnessAnswer =
  /** Its signature line, with its newline: right, and by its key. */
  | { readonly kind: 'cosigned'; readonly line: string }
  /** It knows another newest tree of this log: so many records. */
  | { readonly kind: 'other_size'; readonly size: number }
  /** It takes this for no continuation of what it saw: the log was rewritten, or the proof is wrong. */
  | { readonly kind: 'inconsistent'; readonly problem: string };

/** Calls one witness (C2SP tlog-witness, `add-checkpoint`). */
export class WitnessClient {
  readonly url: string;
  readonly key: VerifierKey;
  readonly #timeoutMs: number;

  /** @throws {TypeError} for a key that is none. */
  constructor({ url, key }: WitnessAddress, timeoutMs: number) {
    const parsed = parseVerifierKey(key, 'cosignature');
    if (parsed === null) throw new TypeError('not the vkey line of a witness');
    this.url = url.replace(/\/+$/, '');
    this.key = parsed;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Submits a checkpoint.
   * @param oldSize size of the newest tree that the witness cosigned; 0 before the first.
   * @param proof consistency proof from there; empty from 0.
   * @param note the log's signed checkpoint.
   * @param ended aborts the call.
   * @throws {Error} when the witness cannot be reached, or its answer is none of {@link WitnessAnswer}.
   */
  async submit(
    oldSize: number,
    proof: readonly Uint8Array[],
    note: string,
    ended: AbortSignal,
  ): Promise<WitnessAnswer> {
    const hashes = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
    const response = await fetch(`${this.url}/add-checkpoint`, {
      method: 'POST',
      body: `old ${oldSize}\n${hashes}\n${note}`,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(this.#timeoutMs), ended]),
    });
    const text = await readText(response);
    if (response.status === 200) return this.#accept(note, text);
    if (response.status === 409 && /^(0|[1-9]\d{0,15})\n?$/.test(text)) {
      return { kind: 'other_size', size: Number(text) };
    }
    if (response.status === 422) return { kind: 'inconsistent', problem: firstLine(text) };
    throw new Error(`answered ${response.status}: ${firstLine(text)}`);
  }

  /** Takes one line of the answer, checked by itself: whatever else stands there never gets into the log. */
  #accept(note: string, answer: string): WitnessAnswer {
    for (const text of answer.split('\n')) {
      const line = `${text}\n`;
      if (text !== '' && this.#isRight(note + line)) return { kind: 'cosigned', line };
    }
    throw new Error('answered with no right signature by its key');
  }

  #isRight(note: string): boolean {
    try {
      return readCosignatures(Buffer.from(note), [this.key], this.url).length === 1;
    } catch {
      // Not a signature line at all.
      return false;
    }
  }
}

async function readText(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > Math.min(MAX_ANSWER_BYTES, MAX_NOTE_BYTES)) throw new Error('answer too long');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.slice(0, 200) ?? '';
}
