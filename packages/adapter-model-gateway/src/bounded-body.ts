/** A body larger than allowed. */
export const BODY_TOO_LARGE: unique symbol = Symbol('body too large');

/**
 * The bytes of a body, or {@link BODY_TOO_LARGE} as soon as there are more than `maxBytes`; the rest is
 * then neither read nor kept. Rejects when the body breaks off.
 */
export async function readBounded(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | typeof BODY_TOO_LARGE> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, bytes);
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      // Not waited for: a sender that goes on sending must not delay the answer.
      reader.cancel().catch(() => {});
      return BODY_TOO_LARGE;
    }
    chunks.push(value);
  }
}
