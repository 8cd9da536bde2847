import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RequestHeaders, TenantDenialCode, TenantGuardOptions } from '../src/index.ts';
import {
  PROXY,
  STRANGER,
  TestClock,
  TestLogger,
  type TokenOptions,
  tokenGuard,
} from './guard-parts.ts';
import {
  AUDIENCE,
  createIssuer,
  ISSUER,
  NOW_SECONDS,
  type TestAlgorithm,
  type TokenIssuer,
} from './token-issuer.ts';

const ALGORITHMS: readonly TestAlgorithm[] = ['EdDSA', 'ES256', 'RS256'];
const issuers = new Map<TestAlgorithm, TokenIssuer>();
let issuer: TokenIssuer;

beforeAll(async () => {
  for (const alg of ALGORITHMS) issuers.set(alg, await createIssuer(alg));
  issuer = issuers.get('EdDSA')!;
});

let logger = new TestLogger();
afterEach(() => {
  logger = new TestLogger();
});

function guard(tokens: Partial<TokenOptions> = {}, options: TenantGuardOptions = {}) {
  return tokenGuard({ jwks: issuer.jwks, ...tokens }, { logger, ...options });
}

async function codeOf(
  token: string,
  headers: Record<string, string> = {},
  rest: { remoteAddress?: string; bodyTenant?: unknown } = {},
  tokens: Partial<TokenOptions> = {},
): Promise<string> {
  const outcome = await guard(tokens).derive({
    headers: { authorization: `Bearer ${token}`, ...headers },
    remoteAddress: STRANGER,
    ...rest,
  });
  return outcome.ok ? `${outcome.source}:${outcome.tenant}` : outcome.code;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function payloadOf(token: string): string {
  return token.split('.')[1] ?? '';
}

describe('a token', () => {
  it.each(ALGORITHMS)('signed with %s names tenant and subject', async (alg) => {
    const signer = issuers.get(alg)!;
    const keys = [...issuers.values()].flatMap(({ jwks }) => jwks.keys);
    const outcome = await guard({ jwks: { keys } }).derive({
      headers: { authorization: `bearer ${await signer.token()}` },
      remoteAddress: STRANGER,
    });
    expect(outcome).toEqual({ ok: true, tenant: 'acme', subject: 'agent-7', source: 'token' });
  });

  it('may lack a subject', async () => {
    const token = await issuer.token({ sub: undefined });
    const headers = { authorization: `Bearer ${token}` };
    expect(await guard().derive({ headers, remoteAddress: STRANGER })).toEqual({
      ok: true,
      tenant: 'acme',
      source: 'token',
    });
  });

  it('may name tenant and subject in other claims', async () => {
    const tokens = { tenantClaim: 'https://acme.test/org', subjectClaim: 'client_id' };
    const token = await issuer.token({ [tokens.tenantClaim]: 'globex', client_id: 'bot' });
    const headers = { authorization: `Bearer ${token}` };
    expect(await guard(tokens).derive({ headers, remoteAddress: STRANGER })).toEqual({
      ok: true,
      tenant: 'globex',
      subject: 'bot',
      source: 'token',
    });
  });

  it.each(['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])('may be of type %s', async (typ) => {
    expect(await codeOf(await issuer.token({}, { typ }))).toBe('token:acme');
  });

  it('is accepted up to the tolerance past its end, and not a second longer', async () => {
    expect(await codeOf(await issuer.token({ exp: NOW_SECONDS - 4 }))).toBe('token:acme');
    expect(await codeOf(await issuer.token({ exp: NOW_SECONDS - 5 }))).toBe('TENANT_TOKEN_INVALID');
    expect(await codeOf(await issuer.token({ nbf: NOW_SECONDS + 5 }))).toBe('token:acme');
    expect(await codeOf(await issuer.token({ nbf: NOW_SECONDS + 6 }))).toBe('TENANT_TOKEN_INVALID');
  });

  it('may be limited in age', async () => {
    const tokens = { maxTokenAgeSeconds: 60 };
    expect(await codeOf(await issuer.token(), {}, {}, tokens)).toBe('token:acme');
    for (const iat of [NOW_SECONDS - 66, NOW_SECONDS + 6, undefined]) {
      expect(await codeOf(await issuer.token({ iat }), {}, {}, tokens)).toBe(
        'TENANT_TOKEN_INVALID',
      );
    }
  });

  it('may carry a purpose beside it', async () => {
    const headers = { authorization: `Bearer ${await issuer.token()}`, 'x-purpose': 'support' };
    const outcome = await guard().derive({ headers, remoteAddress: STRANGER });
    expect(outcome).toMatchObject({ ok: true, purpose: 'support', subject: 'agent-7' });
  });
});

describe('a token that says what we do not take', () => {
  it.each<[string, Record<string, unknown>, TenantDenialCode]>([
    ['an expired one', { exp: NOW_SECONDS - 60 }, 'TENANT_TOKEN_INVALID'],
    ['one without an end', { exp: undefined }, 'TENANT_TOKEN_INVALID'],
    ['one whose end is text', { exp: '9999999999' }, 'TENANT_TOKEN_INVALID'],
    ['one for another audience', { aud: 'other' }, 'TENANT_TOKEN_INVALID'],
    ['one for no audience', { aud: undefined }, 'TENANT_TOKEN_INVALID'],
    ['one of another issuer', { iss: `${ISSUER}.evil` }, 'TENANT_TOKEN_INVALID'],
    ['one of no issuer', { iss: undefined }, 'TENANT_TOKEN_INVALID'],
    ['one with an empty subject', { sub: '' }, 'TENANT_TOKEN_INVALID'],
    ['one with a subject that is no text', { sub: ['x'] }, 'TENANT_TOKEN_INVALID'],
    ['one with an endless subject', { sub: 'x'.repeat(257) }, 'TENANT_TOKEN_INVALID'],
    ['one with half a character as subject', { sub: 'x\ud800' }, 'TENANT_TOKEN_INVALID'],
    ['one without a tenant', { tenant: undefined }, 'TENANT_MISSING'],
    ['one with two tenants', { tenant: ['acme', 'globex'] }, 'TENANT_MALFORMED'],
    ['one with a null tenant', { tenant: null }, 'TENANT_MALFORMED'],
    ['one with an empty tenant', { tenant: '' }, 'TENANT_MALFORMED'],
    ['one with a malformed tenant', { tenant: '../acme' }, 'TENANT_MALFORMED'],
    ['one with an unknown tenant', { tenant: 'initech' }, 'TENANT_UNKNOWN'],
    ['one with an inherited name as tenant', { tenant: 'constructor' }, 'TENANT_UNKNOWN'],
  ])('is refused: %s', async (_, claims, code) => {
    expect(await codeOf(await issuer.token(claims))).toBe(code);
  });

  it('is refused when the claim is a name that every object inherits', async () => {
    for (const tenantClaim of ['constructor', 'toString', '__proto__']) {
      expect(await codeOf(await issuer.token(), {}, {}, { tenantClaim })).toBe('TENANT_MISSING');
    }
  });

  it.each(['dpop+jwt', 'logout+jwt', 'secevent+jwt', '', 'JWT\u0000'])(
    'is refused when it is of type %j',
    async (typ) => {
      expect(await codeOf(await issuer.token({}, { typ }))).toBe('TENANT_TOKEN_INVALID');
    },
  );
});

describe('a forged token', () => {
  async function refused(token: string): Promise<void> {
    expect(await codeOf(token)).toBe('TENANT_TOKEN_INVALID');
    expect(await codeOf(token, { 'x-tenant-id': 'acme' }, { remoteAddress: PROXY })).toBe(
      'TENANT_TOKEN_INVALID',
    );
  }

  it('with alg none is refused', async () => {
    const payload = payloadOf(await issuer.token());
    for (const alg of ['none', 'None', 'NONE', '']) {
      await refused(`${encode({ alg })}.${payload}.`);
      await refused(`${encode({ alg })}.${payload}.AA`);
    }
  });

  it('signed with the public key as HMAC secret is refused', async () => {
    const rsa = issuers.get('RS256')!;
    const [jwk] = rsa.jwks.keys;
    const publicKey = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
    const secrets = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk),
    ];
    const head = `${encode({ alg: 'HS256', kid: jwk?.kid })}.${payloadOf(await rsa.token())}`;
    for (const secret of secrets) {
      const mac = createHmac('sha256', secret).update(head).digest('base64url');
      expect(await codeOf(`${head}.${mac}`, {}, {}, { jwks: rsa.jwks })).toBe(
        'TENANT_TOKEN_INVALID',
      );
    }
  });

  it('signed with a key of its own is refused, wherever its header says the key is', async () => {
    const forger = await createIssuer('EdDSA', 'key-EdDSA');
    const [jwk] = forger.jwks.keys;
    await refused(await forger.token());
    await refused(await forger.token({}, { jwk: jwk as never }));
    await refused(await forger.token({}, { jku: 'https://evil.test/keys' }));
    await refused(await forger.token({}, { x5u: 'https://evil.test/cert' }));
  });

  it('with a key id that is a path, a query or a prototype name is refused', async () => {
    const kids = ['../../etc/passwd', '/dev/null', "' OR 1=1 --", '__proto__', 'constructor', ''];
    for (const kid of kids) await refused(await issuer.token({}, { kid }));
  });

  it('with a changed claim or signature is refused', async () => {
    const [head = '', body = '', signature = ''] = (await issuer.token()).split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    await refused(`${head}.${encode({ ...claims, tenant: 'globex' })}.${signature}`);
    const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    await refused(`${head}.${body}.${flipped}`);
    await refused(`${head}.${body}.`);
  });

  it('with an unknown critical header is refused', async () => {
    const body = payloadOf(await issuer.token());
    await refused(`${encode({ alg: 'EdDSA', kid: 'key-EdDSA', crit: ['x'], x: 1 })}.${body}.AAAA`);
  });

  it('with an algorithm that is not on the list is refused', async () => {
    const ec = issuers.get('ES256')!;
    const tokens: Partial<TokenOptions> = { jwks: ec.jwks, algorithms: ['EdDSA'] };
    expect(await codeOf(await ec.token(), {}, {}, tokens)).toBe('TENANT_TOKEN_INVALID');
  });

  it('without a key id is refused when two keys could have signed it', async () => {
    const other = await createIssuer('EdDSA', 'other');
    const jwks = { keys: [...issuer.jwks.keys, ...other.jwks.keys] };
    const token = await issuer.token({}, { kid: undefined as never });
    expect(await codeOf(token, {}, {}, { jwks })).toBe('TENANT_TOKEN_INVALID');
  });
});

describe('an Authorization field', () => {
  async function codeFor(headers: RequestHeaders): Promise<string> {
    const outcome = await guard().derive({ headers, remoteAddress: PROXY });
    return outcome.ok ? `${outcome.source}:${outcome.tenant}` : outcome.code;
  }

  it.each(['Basic dXNlcjpwYXNz', 'DPoP x.y.z', 'Bearerx.y.z', 'Negotiate x', ''])(
    'of another scheme is no token: %j',
    async (authorization) => {
      expect(await codeFor({ authorization })).toBe('TENANT_MISSING');
      expect(await codeFor({ authorization, 'x-tenant-id': 'acme' })).toBe('header:acme');
    },
  );

  it.each([
    'Bearer',
    'Bearer ',
    'Bearer x',
    'Bearer x.y',
    'Bearer x.y.z',
    'Bearer x.y.z.w',
    'Bearer {"alg":"none"}.e30.',
    'Bearer a.b.c\u0000',
    'Bearer a.b.c, Bearer d.e.f',
    'Bearer ../../x.y.z',
  ])('that is no signed token is refused: %j', async (authorization) => {
    expect(await codeFor({ authorization })).toBe('TENANT_TOKEN_INVALID');
    expect(await codeFor({ authorization, 'x-tenant-id': 'acme' })).toBe('TENANT_TOKEN_INVALID');
  });

  it('of more than 16 KiB is refused before it is parsed, though it is signed', async () => {
    const huge = await issuer.token({ padding: 'x'.repeat(16_384) });
    expect(await codeOf(huge)).toBe('TENANT_TOKEN_INVALID');
    expect(logger.lines[0]?.fields).toMatchObject({ problem: 'too long' });
    const large = await issuer.token({ padding: 'x'.repeat(11_000) });
    expect(await codeOf(large)).toBe('token:acme');
  });

  it('given twice is refused', async () => {
    const value = `Bearer ${await issuer.token()}`;
    expect(await codeFor(['Authorization', value, 'authorization', value])).toBe(
      'TENANT_TOKEN_INVALID',
    );
  });
});

describe('token and header', () => {
  it('must agree, whoever sends them', async () => {
    const token = await issuer.token();
    for (const remoteAddress of [PROXY, STRANGER]) {
      const agree = await codeOf(token, { 'x-tenant-id': 'acme' }, { remoteAddress });
      expect(agree).toBe('token:acme');
      for (const other of ['globex', 'nobody', 'ACME']) {
        const headers = { 'x-tenant-id': other };
        expect(await codeOf(token, headers, { remoteAddress })).toBe('TENANT_CONFLICT');
      }
    }
  });

  it('are refused when the header is malformed or given twice', async () => {
    const token = await issuer.token();
    expect(await codeOf(token, { 'x-tenant-id': '' })).toBe('TENANT_MALFORMED');
    expect(await codeOf(token, { 'x-tenant-id': 'acme,acme' })).toBe('TENANT_CONFLICT');
  });

  it('leave a token without a tenant without one', async () => {
    const token = await issuer.token({ tenant: undefined });
    expect(await codeOf(token, { 'x-tenant-id': 'acme' }, { remoteAddress: PROXY })).toBe(
      'TENANT_MISSING',
    );
  });

  it('refuse a body that names another tenant', async () => {
    const token = await issuer.token();
    expect(await codeOf(token, {}, { bodyTenant: 'acme' })).toBe('token:acme');
    expect(await codeOf(token, {}, { bodyTenant: 'globex' })).toBe('TENANT_CONFLICT');
  });

  it('refuse the header alone where no peer is trusted', async () => {
    const outcome = await guard({}, { header: {} }).derive({
      headers: { 'x-tenant-id': 'acme' },
      remoteAddress: PROXY,
    });
    expect(outcome).toMatchObject({ code: 'TENANT_SOURCE_UNTRUSTED' });
  });

  it('never fall back to `default` for a bad token', async () => {
    const open = guard({}, { tenants: ['default', 'acme'], failClosed: false });
    for (const token of [
      'a.b.c',
      await issuer.token({ exp: 1 }),
      await issuer.token({ tenant: undefined }),
    ]) {
      const headers = { authorization: `Bearer ${token}` };
      expect(await open.derive({ headers, remoteAddress: PROXY })).toMatchObject({ ok: false });
    }
  });
});

describe('a refusal of a token', () => {
  it('says nothing to the caller, and why to the log', async () => {
    const clock = new TestClock();
    const refusing = guard({}, { clock });
    const expired = await issuer.token({ exp: 1 });
    const foreign = await issuer.token({ aud: 'other' });
    const problems: unknown[] = [];
    const answers: unknown[] = [];
    for (const token of [expired, foreign, 'a.b', `${expired}A`]) {
      const headers = { authorization: `Bearer ${token}` };
      answers.push(await refusing.derive({ headers, remoteAddress: STRANGER }));
      problems.push(logger.lines.at(-1)?.fields['problem']);
      clock.elapsedMs += 1000;
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toHaveLength(1);
    expect(answers[0]).toEqual({
      ok: false,
      code: 'TENANT_TOKEN_INVALID',
      httpStatus: 401,
      reason: 'the tenant token is not valid',
    });
    expect(problems.slice(0, 3)).toEqual([
      'ERR_JWT_EXPIRED',
      'ERR_JWT_CLAIM_VALIDATION_FAILED',
      'not a compact signed token',
    ]);
    expect(JSON.stringify(logger.lines)).not.toContain(expired);
    expect(refusing.counters().denied).toEqual({ TENANT_TOKEN_INVALID: 4 });
  });

  it('is logged at most once a second, with the number that was not', async () => {
    const clock = new TestClock();
    const refusing = guard({}, { clock });
    const headers = { authorization: 'Bearer x' };
    for (let i = 0; i < 50; i += 1) await refusing.derive({ headers, remoteAddress: STRANGER });
    clock.elapsedMs = 1000;
    await refusing.derive({ headers, remoteAddress: STRANGER });
    expect(logger.lines.map(({ fields }) => fields['suppressed'])).toEqual([0, 49]);
  });

  it('is used by an audience list too', async () => {
    const audience = [AUDIENCE, 'console'];
    expect(await codeOf(await issuer.token({ aud: ['x', 'console'] }), {}, {}, { audience })).toBe(
      'token:acme',
    );
    expect(await codeOf(await issuer.token({ aud: ['x', 'y'] }), {}, {}, { audience })).toBe(
      'TENANT_TOKEN_INVALID',
    );
  });
});
