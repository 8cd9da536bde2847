import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { type DecisionRequest, silentLogger } from '@cortex-governance/core';
import { createGovernor } from '@cortex-governance/governor';
import { describe, expect, it } from 'vitest';
import { createServer, EVALUATION_PATH, EVALUATIONS_PATH } from '../src/index.ts';
import { atEnd, GIT_MAP, makeWorkspace, post, question, startServer } from './workspace.ts';

const TRUSTED = {
  config: `
tenancy:
  tenants: [acme, globex]
  header: { trustedPeers: [127.0.0.1] }
`,
};

const UNTRUSTED = { config: 'tenancy: { tenants: [acme] }' };

/** Posts with header fields that may repeat. */
function postRaw(
  url: string,
  headers: readonly string[],
): Promise<{ status: number; body: string }> {
  const body = JSON.stringify(question());
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: 'POST',
      headers: [...headers, 'Host', 'localhost', 'Content-Type', 'application/json'] as never,
    });
    call.on('error', reject);
    call.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.end(body);
  });
}

describe('tenants over HTTP', () => {
  it.each(['execute_all', 'permit_on_first_permit'])(
    'deny entries of a batch that name another tenant, and record them (%s)',
    async (semantic) => {
      const { url, governor } = await startServer(TRUSTED);
      const before = governor.evidence.status().records;
      const others = ['globex', 'nobody', '', 7, null];
      const { status, body } = await post(
        url + EVALUATIONS_PATH,
        {
          options: { evaluations_semantic: semantic },
          evaluations: [...others, 'acme'].map((tenant) => ({ ...question(), tenant })),
        },
        { 'x-tenant-id': 'acme' },
      );
      expect(status).toBe(200);
      expect(body.evaluations.map((one: { decision: boolean }) => one.decision)).toEqual([
        ...others.map(() => false),
        true,
      ]);
      for (const { context } of body.evaluations.slice(0, -1)) {
        expect(context).toMatchObject({ code: 'TENANT_CONFLICT', error: { status: 403 } });
      }
      expect(governor.evidence.status().records).toBe(before + others.length + 1);
    },
  );

  it('come from the header of a trusted peer', async () => {
    const { url } = await startServer(TRUSTED);
    const answer = await post(url + EVALUATION_PATH, question(), { 'x-tenant-id': 'acme' });
    expect([answer.status, answer.body.decision]).toEqual([200, true]);
  });

  it.each([
    ['no tenant', {}, 401, 'TENANT_MISSING'],
    ['an unknown tenant', { 'x-tenant-id': 'nobody' }, 403, 'TENANT_UNKNOWN'],
    ['a malformed tenant', { 'x-tenant-id': '../acme' }, 401, 'TENANT_MALFORMED'],
    ['two tenants', { 'x-tenant-id': 'acme, globex' }, 403, 'TENANT_CONFLICT'],
  ])('deny %s, and record and count it', async (_name, headers, status, code) => {
    const { url, governor } = await startServer(TRUSTED);
    const before = governor.evidence.status();
    const answer = await post(url + EVALUATION_PATH, question(), headers as never);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({
      decision: false,
      context: { code, httpStatus: status, effect: 'deny', stage: 'tenant' },
    });
    if (status === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm=/);
    expect([...governor.counters.counts()]).toEqual([
      { result: 'deny', stage: 'tenant', code, shadowed: false, count: 1 },
    ]);
    await governor.evidence.flush();
    expect(governor.evidence.status().records).toBe(before.records + before.queuedRecords + 1);
  });

  it('deny a header given twice', async () => {
    const { url } = await startServer(TRUSTED);
    const answer = await postRaw(url + EVALUATION_PATH, [
      'X-Tenant-ID',
      'acme',
      'x-tenant-id',
      'acme',
    ]);
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('TENANT_CONFLICT');
  });

  it('deny the header of a peer that is not trusted, whatever Forwarded says', async () => {
    const { url } = await startServer(UNTRUSTED);
    const headers = {
      'x-tenant-id': 'acme',
      'x-forwarded-for': '10.0.0.1',
      forwarded: 'for=10.0.0.1',
    };
    const answer = await post(url + EVALUATION_PATH, question(), headers);
    expect([answer.status, answer.body.context.code]).toEqual([401, 'TENANT_SOURCE_UNTRUSTED']);
  });

  it('never come from the body alone, and the body must agree', async () => {
    const { url } = await startServer(TRUSTED);
    const body = { ...question(), tenant: 'acme' };
    expect((await post(url + EVALUATION_PATH, body)).body.context.code).toBe('TENANT_MISSING');
    const agrees = await post(url + EVALUATION_PATH, body, { 'x-tenant-id': 'acme' });
    expect(agrees.body.decision).toBe(true);
    const differs = await post(url + EVALUATION_PATH, body, { 'x-tenant-id': 'globex' });
    expect([differs.status, differs.body.context.code]).toEqual([403, 'TENANT_CONFLICT']);
  });

  it('hold for a whole batch', async () => {
    const { url } = await startServer(TRUSTED);
    const batch = { evaluations: [question(), question()] };
    const denied = await post(url + EVALUATIONS_PATH, batch);
    expect(denied.status).toBe(401);
    expect(denied.body).toMatchObject({ decision: false, context: { code: 'TENANT_MISSING' } });
    expect(denied.body.evaluations).toBeUndefined();
    const allowed = await post(url + EVALUATIONS_PATH, batch, { 'x-tenant-id': 'acme' });
    expect(allowed.body.evaluations).toHaveLength(2);
    expect(allowed.body.evaluations[1].decision).toBe(true);
  });

  it('do not share a limit', async () => {
    const { url } = await startServer({
      ...TRUSTED,
      grants: [{ tool: 'git-map', actions: ['search'], rate: { perMinute: 1 } }],
    });
    const ask = async (tenant: string): Promise<string> =>
      (await post(url + EVALUATION_PATH, question(), { 'x-tenant-id': tenant })).body.context.code;
    expect(await ask('acme')).toBe('ALLOWED');
    expect(await ask('acme')).toBe('RATE_LIMITED');
    expect(await ask('globex')).toBe('ALLOWED');
  });

  it('are judged after the global stop and the shape of the request', async () => {
    const { url, governor } = await startServer(TRUSTED);
    const malformed = await post(url + EVALUATION_PATH, {});
    expect([malformed.status, malformed.body.context.code]).toEqual([400, 'REQUEST_INVALID']);
    await governor.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'drill' });
    const killed = await post(url + EVALUATION_PATH, question());
    expect([killed.status, killed.body.context.code]).toEqual([503, 'KILLED_GLOBAL']);
    const codes = [...governor.counters.counts()].map(({ code, stage }) => [code, stage]);
    expect(codes).toEqual([
      ['REQUEST_INVALID', 'request'],
      ['KILLED_GLOBAL', 'kill_switch'],
    ]);
  });
});

describe('tokens', () => {
  /** A compact JWS (RFC 7515) by hand: the server is to agree with the standard, not with one library. */
  function makeToken(key: KeyObject, claims: object): string {
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'EdDSA', kid: 'k1' })}.${part(claims)}`;
    return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
  }

  it('name the tenant and the purpose’s authority, and a bad one is refused without a word why', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const folder = await makeWorkspace({
      grants: [GIT_MAP],
      config: `
tenancy:
  tenants: [acme]
  tokens: { jwksFile: jwks.json, issuer: "https://login.example", audience: governance }
`,
    });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'EdDSA', use: 'sig' };
    await writeFile(join(folder, '.cortex', 'jwks.json'), JSON.stringify({ keys: [jwk] }));
    const asked: DecisionRequest[] = [];
    const governor = await createGovernor({
      root: join(folder, '.cortex'),
      logger: silentLogger,
      policy: {
        name: 'recorder',
        evaluate: (one) => {
          asked.push(one);
          return { effect: 'allow', reason: '', obligations: [] };
        },
      },
    });
    atEnd(() => governor.close());
    const server = await createServer(governor, { port: 0 });
    atEnd(() => server.close());
    const { url } = await server.listen();
    const claims = {
      iss: 'https://login.example',
      aud: 'governance',
      sub: 'service-1',
      tenant: 'acme',
      exp: Math.floor(Date.now() / 1000) + 3_600,
    };
    const token = makeToken(privateKey, claims);
    const body = { ...question(), context: { purpose: 'claimed', time: 'now' } };
    const allowed = await post(url + EVALUATION_PATH, body, {
      authorization: `Bearer ${token}`,
      'x-purpose': 'support',
    });
    expect(allowed.body.decision).toBe(true);
    expect(asked[0]).toMatchObject({
      tenant: 'acme',
      context: { purpose: 'support', time: 'now' },
    });
    // Node keeps only the first of two Authorization fields; the second must be seen all the same.
    const twice = ['Authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`];
    expect(await postRaw(url + EVALUATION_PATH, twice)).toMatchObject({
      status: 401,
      body: expect.stringContaining('TENANT_TOKEN_INVALID'),
    });
    const forged = makeToken(generateKeyPairSync('ed25519').privateKey, claims);
    for (const bad of [forged, `${token}x`, 'nonsense']) {
      const answer = await post(url + EVALUATION_PATH, body, { authorization: `Bearer ${bad}` });
      expect([answer.status, answer.body.context.code]).toEqual([401, 'TENANT_TOKEN_INVALID']);
      expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect(answer.body.context.reason).toBe('the tenant token is not valid');
    }
  });
});
