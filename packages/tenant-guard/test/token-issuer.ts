import {
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';

export const ISSUER = 'https://issuer.test';
export const AUDIENCE = 'governance';

/** The time at which tests happen: 2026-01-01, in seconds. */
export const NOW_SECONDS = 1_767_225_600;

export type TestAlgorithm = 'EdDSA' | 'ES256' | 'RS256';

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

export interface TokenIssuer {
  readonly jwks: JSONWebKeySet;
  readonly privateKey: PrivateKey;
  /** A token that is right but for what is given; a claim of undefined is left out. */
  token(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

/** An issuer with a fresh key. */
export async function createIssuer(alg: TestAlgorithm, kid = `key-${alg}`): Promise<TokenIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return {
    jwks: { keys: [jwk] },
    privateKey,
    token(claims = {}, header = {}) {
      const payload = {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: 'agent-7',
        tenant: 'acme',
        iat: NOW_SECONDS - 10,
        exp: NOW_SECONDS + 300,
        ...claims,
      };
      return new SignJWT(payload).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
    },
  };
}
