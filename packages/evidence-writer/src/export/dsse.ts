import { canonicalJson } from '@cortex-governance/core';
import { z } from 'zod';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { decodeBase64 } from '../strict-base64.ts';
import type { VerifierKey } from '../verifier-key.ts';

/** Most signatures of an envelope that are tried. */
const MAX_SIGNATURES = 16;

/** Signs bytes, wherever the key is. */
export interface EnvelopeSigner {
  /** Which key it is: a hint for who verifies, and nothing to rely on. */
  readonly keyId: string;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A DSSE envelope that was decoded, and whose signatures nobody has checked. */
export interface DsseEnvelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly Buffer[];
}

const envelopeShape = z.object({
  payload: z.string(),
  payloadType: z.string(),
  signatures: z.array(z.object({ sig: z.string() })).max(MAX_SIGNATURES),
});

/** What a DSSE signature signs: type and payload, each behind its length (DSSE 1.0.2, PAE). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType);
  const head = `DSSEv1 ${type.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/**
 * A payload in a signed DSSE envelope, as JSON.
 * @throws whatever the signer throws.
 */
export async function signEnvelope(
  payloadType: string,
  payload: Uint8Array,
  signer: EnvelopeSigner,
): Promise<string> {
  const signature = await signer.sign(preAuthEncoding(payloadType, payload));
  const sig = Buffer.from(signature).toString('base64');
  const encoded = Buffer.from(payload).toString('base64');
  return canonicalJson({
    payload: encoded,
    payloadType,
    signatures: [{ keyid: signer.keyId, sig }],
  });
}

/**
 * Decodes an envelope in either base64 alphabet; members that DSSE does not know are ignored, as it asks.
 * @param file names the envelope in errors.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export function parseEnvelope(text: string, file: string): DsseEnvelope {
  const { payload, payloadType, signatures } = parseShape(text, file);
  return {
    payloadType,
    payload: decode(payload, 'payload', file),
    signatures: signatures.map(({ sig }, i) => decode(sig, `signature ${i + 1}`, file)),
  };
}

/**
 * The payload of an envelope of this type, and the names of the keys that signed it: at least one of the
 * keys must have. What comes out is what was signed; nothing is read from the envelope afterwards.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export function openEnvelope(
  text: string,
  payloadType: string,
  keys: readonly VerifierKey[],
  file: string,
): { readonly payload: Buffer; readonly signedBy: readonly string[] } {
  const envelope = parseEnvelope(text, file);
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  const signers = keys.filter((key) =>
    envelope.signatures.some((signature) => key.verify(message, signature)),
  );
  if (signers.length === 0) throw corruptEvidence(file, 'signatures', 'none by a known key');
  if (envelope.payloadType !== payloadType) {
    throw corruptEvidence(file, 'payloadType', `not ${payloadType}`);
  }
  return { payload: envelope.payload, signedBy: signers.map(({ name }) => name) };
}

function parseShape(text: string, file: string): z.output<typeof envelopeShape> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw corruptEvidence(file, 'envelope', 'not JSON');
  }
  const result = envelopeShape.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw corruptEvidence(file, issue?.path.join('.') || 'envelope', issue?.message ?? 'malformed');
}

function decode(text: string, place: string, file: string): Buffer {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/');
  const padded = standard + '='.repeat((4 - (standard.length % 4)) % 4);
  const bytes = decodeBase64(padded);
  if (bytes === null) throw corruptEvidence(file, place, 'not base64');
  return bytes;
}
