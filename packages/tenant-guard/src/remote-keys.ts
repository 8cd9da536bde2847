import { type Clock, errorMessage } from '@cortex-governance/core';
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import { findKeySetProblem } from './json-web-keys.ts';

/** How long fetched keys are used, in milliseconds; bounds how long a withdrawn key still verifies. */
export const KEYS_MAX_AGE_MS = 600_000;

/** Least time between two fetches that unknown key ids cause, in milliseconds: callers choose the ids. */
export const KEYS_COOLDOWN_MS = 30_000;

/** Least time between a failed fetch and the next one, in milliseconds. */
export const KEYS_RETRY_MS = 5000;

/** Largest key set accepted, in bytes. */
export const MAX_KEY_SET_BYTES = 262_144;

/** The keys cannot be had: a fault of ours or of the issuer, not of the caller. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * Keys from the issuer's key set URL: fetched when first needed, kept for {@link KEYS_MAX_AGE_MS},
 * fetched anew for an unknown key id at most once in {@link KEYS_COOLDOWN_MS}. Redirects are not
 * followed. Past their age keys are never used: an issuer that cannot be asked cannot withdraw a key.
 */
export function createRemoteKeys(url: URL, timeoutMs: number, clock: Clock): JWTVerifyGetKey {
  let retryAtMs = Number.NEGATIVE_INFINITY;
  return createRemoteJWKSet(url, {
    timeoutDuration: timeoutMs,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    async [customFetch](target, init) {
      if (clock.monotonicMs() < retryAtMs) {
        throw new KeysUnavailableError('the last fetch of the keys failed');
      }
      try {
        return await fetchKeySet(target, init);
      } catch (error) {
        retryAtMs = clock.monotonicMs() + KEYS_RETRY_MS;
        throw new KeysUnavailableError(errorMessage(error), { cause: error });
      }
    },
  });
}

async function fetchKeySet(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`HTTP status ${response.status}`);
  }
  const keySet: unknown = JSON.parse(await readBounded(response));
  const problem = findKeySetProblem(keySet);
  if (problem !== null) throw new Error(problem);
  return Response.json(keySet);
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes > MAX_KEY_SET_BYTES) throw new Error(`key set above ${MAX_KEY_SET_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
