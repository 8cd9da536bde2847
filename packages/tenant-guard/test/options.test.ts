import { generateKeyPairSync } from 'node:crypto';
import { GovernanceError } from '@cortex-governance/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTenantGuard } from '../src/index.ts';
import { AUDIENCE, createIssuer, ISSUER, type TokenIssuer } from './token-issuer.ts';

let issuer: TokenIssuer;
beforeAll(async () => {
  issuer = await createIssuer('EdDSA');
});

function refusal(options: unknown): string {
  try {
    createTenantGuard(options as never);
  } catch (error) {
    expect(error).toBeInstanceOf(GovernanceError);
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID' });
    return (error as Error).message;
  }
  throw new Error('the options were accepted');
}

function tokens(change: object): object {
  const base = { jwks: issuer.jwks, issuer: ISSUER, audience: AUDIENCE };
  return { tenants: ['acme'], tokens: { ...base, ...change } };
}

function withUri(jwksUri: string): object {
  return tokens({ jwks: undefined, jwksUri });
}

describe('options', () => {
  it.each([
    ['an unknown option', { tenant: ['acme'] }, /tenant/],
    ['a tenant that is not an id', { tenants: ['a/b'] }, /tenants\.0: not a tenant id/],
    ['an empty tenant', { tenants: [''] }, /tenants\.0/],
    ['a tenant twice', { tenants: ['acme', 'acme'] }, /acme is named twice/],
    ['a tenant in two letter cases', { tenants: ['acme', 'ACME'] }, /ACME is named twice/],
    ['a peer that is a name', { header: { trustedPeers: ['proxy'] } }, /trustedPeers\.0/],
    ['a peer range with a bad prefix', { header: { trustedPeers: ['10.0.0.0/33'] } }, /prefix/],
    ['a peer range with no prefix', { header: { trustedPeers: ['10.0.0.0/'] } }, /prefix/],
    ['everyone as a peer', { header: { trustedPeers: ['0.0.0.0/0'] } }, /trusts every peer/],
    ['everyone as an IPv6 peer', { header: { trustedPeers: ['::/0'] } }, /trusts every peer/],
    ['a mapped peer', { header: { trustedPeers: ['::ffff:10.0.0.1'] } }, /write it as IPv4/],
    ['a header that is not a name', { header: { name: 'a b' } }, /not a header name/],
    ['Authorization as the header', { header: { name: 'Authorization' } }, /another meaning/],
    ['one header for two things', { header: { name: 'X-Purpose' } }, /same header/],
    ['a logger that is none', { logger: {} }, /not a logger/],
    ['a clock that is none', { clock: 5 }, /not a clock/],
    ['failClosed that is not a boolean', { failClosed: 'no' }, /failClosed/],
  ])('refuses %s', (_, options, message) => {
    expect(refusal(options)).toMatch(message);
  });

  it.each([
    ['no issuer', { issuer: undefined }, /issuer/],
    ['an empty issuer', { issuer: '' }, /issuer/],
    ['no audience', { audience: undefined }, /audience/],
    ['an empty list of audiences', { audience: [] }, /audience/],
    ['alg none', { algorithms: ['none'] }, /algorithms/],
    ['a symmetric algorithm', { algorithms: ['ES256', 'HS256'] }, /algorithms/],
    ['no algorithm', { algorithms: [] }, /algorithms/],
    ['neither keys nor a URL', { jwks: undefined }, /either jwks or jwksUri/],
    ['keys and a URL', { jwksUri: 'https://issuer.test/keys' }, /either jwks or jwksUri/],
    ['an empty key set', { jwks: { keys: [] } }, /keys: empty/],
    ['keys that are no set', { jwks: [] }, /not a JSON Web Key Set/],
    [
      'a symmetric key',
      { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } },
      /keys\.0: a symmetric key/,
    ],
    ['a key that is none', { jwks: { keys: [{ kty: 'EC', crv: 'P-256' }] } }, /not a public key/],
    ['a great tolerance', { clockToleranceSeconds: 3600 }, /clockToleranceSeconds/],
  ])('refuses tokens with %s', (_, change, message) => {
    expect(refusal(tokens(change))).toMatch(message);
  });

  it('refuses private keys and short RSA keys', () => {
    const ed = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({
      format: 'jwk',
    });
    expect(refusal(tokens({ jwks: { keys: [ed] } }))).toMatch(/keys\.0: a private key/);
    expect(refusal(tokens({ jwks: { keys: [...issuer.jwks.keys, rsa] } }))).toMatch(
      /keys\.1: an RSA key below 2048 bits/,
    );
  });

  it.each([
    'http://issuer.test/keys',
    'http://127.0.0.1.issuer.test/keys',
    'http://10.0.0.1/keys',
    'ftp://127.0.0.1/keys',
    'file:///etc/keys.json',
    'https://user:password@issuer.test/keys',
    '/keys',
    '',
  ])('refuses %j as the URL of keys', (uri) => {
    expect(refusal(withUri(uri))).toMatch(/jwksUri/);
  });

  it.each([
    'https://issuer.test/keys',
    'http://127.0.0.1:8080/keys',
    'http://127.9.9.9/keys',
    'http://[::1]:8080/keys',
    'http://localhost/keys',
  ])('accepts %j as the URL of keys', (uri) => {
    expect(createTenantGuard(withUri(uri)).tenants()).toEqual(['acme']);
  });

  it('refuses tokens without named tenants: they would protect nothing', () => {
    expect(refusal({ ...tokens({}), tenants: [] })).toMatch(/tokens need the tenants to be named/);
  });
});
