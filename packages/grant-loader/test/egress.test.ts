import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check } from './scopes.ts';

const HOSTS = [
  'api.example.com',
  '*.cdn.example.com',
  'localhost:8080',
  '[::1]:9000',
  '127.0.0.1',
  'xn--bcher-kva.example',
];

function codeOf(
  url: string,
  members: Record<string, unknown> = { egress: { hosts: HOSTS } },
): string {
  const args = { u: { type: 'string', format: 'uri' } };
  return check({ args, ...members }, { u: url })?.code ?? 'ok';
}

describe('URL arguments', () => {
  it.each([
    'https://api.example.com',
    'https://api.example.com/',
    'http://api.example.com/x?y=z#w',
    'HTTPS://API.EXAMPLE.COM/x',
    'wss://api.example.com/socket',
    'ftp://api.example.com/file',
    'https://api.example.com:443/',
    'http://api.example.com:80/',
    'https://a.cdn.example.com/x',
    'https://a.b.cdn.example.com/x',
    'http://localhost:8080/',
    'https://localhost:8080/x',
    'http://[::1]:9000/',
    'http://127.0.0.1/',
    'https://xn--bcher-kva.example/',
    'https://b\u00fccher.example/',
    'https://api.example.com/a@b',
    'https://api.example.com/?u=user@host',
    'https://api.example.com/%2e%2e/x',
  ])('allows %s', (url) => {
    expect(codeOf(url)).toBe('ok');
  });

  it.each([
    '',
    'x',
    'api.example.com',
    '//api.example.com/',
    '/path',
    'https://example.com/',
    'https://evil.com/',
    'https://api.example.com.evil.com/',
    'https://evil.com/api.example.com',
    'https://evil.com?api.example.com',
    'https://evil.com#api.example.com',
    'https://xapi.example.com/',
    'https://api.example.com./',
    'https://api-example.com/',
    'https://cdn.example.com/',
    'https://.cdn.example.com/',
    'https://xcdn.example.com/',
    'https://api.example.com@evil.com/',
    'https://api.example.com:443@evil.com/',
    'https://user@api.example.com/',
    'https://user:pw@api.example.com/',
    'https://@api.example.com/',
    'https://evil.com\\@api.example.com/',
    'https://api.example.com\\@evil.com/',
    'https:\\\\api.example.com/',
    'https:api.example.com',
    'https:/api.example.com',
    'https:///api.example.com',
    ' https://api.example.com/',
    'https://api.example.com/ x',
    'https://api.example.com/\n',
    'ht\ntps://api.example.com/',
    'https://api.exa\tmple.com/',
    'https://api.example.com/\u0000',
    'https://api%2eexample%2ecom/',
    'https://api.example.com:8443/',
    'https://api.example.com:80/',
    'http://api.example.com:443/',
    'http://localhost/',
    'http://localhost:8081/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://0/',
    'https://\u0430pi.example.com/',
    'https://api.example.com\uff0fevil.com/',
    'https://api.example.com\uff03.evil.com/',
    'file:///etc/passwd',
    'file://api.example.com/x',
    'javascript:alert(1)',
    'data:text/html,x',
    'gopher://api.example.com/',
    'https://',
    'https://[',
  ])('refuses %j', (url) => {
    expect(codeOf(url)).toBe('HOST_NOT_ALLOWED');
  });

  it('refuses URLs beyond a length, and lone surrogates', () => {
    expect(codeOf(`https://api.example.com/${'x'.repeat(70_000)}`)).toBe('ARGUMENT_INVALID');
    expect(codeOf('https://api.example.com/\ud800')).toBe('ARGUMENT_INVALID');
  });

  it('refuses every URL when there is no egress, or no host in it', () => {
    expect(codeOf('https://api.example.com/', {})).toBe('HOST_NOT_ALLOWED');
    expect(codeOf('https://api.example.com/', { egress: { hosts: [] } })).toBe('HOST_NOT_ALLOWED');
  });

  it('are found in arguments that are not declared as URLs', () => {
    const egress = { hosts: HOSTS };
    const plain = { args: { q: { type: 'string' } }, egress };
    expect(check(plain, { q: 'https://evil.com/' })?.code).toBe('HOST_NOT_ALLOWED');
    expect(check(plain, { q: ' \tHTTP:evil.com' })?.code).toBe('HOST_NOT_ALLOWED');
    expect(check(plain, { q: 'https://api.example.com/' })).toBeNull();
    expect(check(plain, { q: 'not a url' })).toBeNull();
    expect(check({ egress }, { q: ['https://evil.com/'] })?.code).toBe('HOST_NOT_ALLOWED');
    expect(check({ egress }, { q: ['https://api.example.com/a'] })).toBeNull();
    expect(check({ args: plain.args }, { q: 'https://any.example/' })).toBeNull();
    const text = { args: { q: { type: 'string', format: 'text' } }, egress };
    expect(check(text, { q: 'https://evil.com/' })).toBeNull();
  });

  it.each([
    'h\nttp://evil.com/x',
    'ht\ttps://evil.com/',
    '\r\nw\rs\ns\t:evil.com',
    '\u0001 http\n://evil.com/',
    'f\tt\np://evil.com/',
    'f\nile:///etc/passwd',
    'f\nile:passwd',
  ])('are found in %j, which a URL parser reads without tabs and newlines', (text) => {
    const egress = { hosts: HOSTS };
    expect(URL.canParse(text)).toBe(true);
    expect(check({ args: { q: { type: 'string' } }, egress }, { q: text })?.code).toBe(
      'HOST_NOT_ALLOWED',
    );
    expect(check({ egress }, { q: [text] })?.code).toBe('HOST_NOT_ALLOWED');
    expect(check({}, { q: text })?.code).toBe('HOST_NOT_ALLOWED');
    expect(check({}, { o: { [text]: 1 } })).not.toBeNull();
  });

  it('are found wherever a URL parser finds one', () => {
    const unit = fc.constantFrom(
      ...['http', 'https', 'ws', 'wss', 'ftp', 'file', 'h', 't', 'p', 's', 'F', 'i', 'l', 'e'],
      ...['\t', '\n', '\r', ' ', '\0', '\x1f', '\x7f', '\u00a0', ':', '/', '\\', 'evil.com', '@'],
    );
    const gap = fc.constantFrom('', '', '\t', '\n', '\r\n');
    const split = fc
      .tuple(
        fc.constantFrom('', ' ', '\0\x01', '\n '),
        fc.constantFrom('http', 'HTTPS', 'ws', 'wss', 'ftp', 'file'),
        fc.array(gap, { minLength: 8, maxLength: 8 }),
        fc.constantFrom(':evil.com', '://evil.com/x', ':\\\\evil.com', ':///etc/passwd'),
      )
      .map(([start, scheme, gaps, end]) => {
        const spread = [...scheme].map((letter, i) => letter + (gaps[i] ?? '')).join('');
        return start + spread + end;
      });
    const judged = new Set(['http:', 'https:', 'ws:', 'wss:', 'ftp:', 'file:']);
    let found = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          split,
          fc.array(unit, { maxLength: 12 }).map((all) => all.join('')),
        ),
        (text) => {
          if (!URL.canParse(text) || !judged.has(new URL(text).protocol)) return;
          found += 1;
          const plain = { args: { q: { type: 'string' } }, egress: { hosts: [] } };
          expect(check(plain, { q: text })?.code).toBe('HOST_NOT_ALLOWED');
          expect(check({}, { q: text })).not.toBeNull();
        },
      ),
      { numRuns: 5000 },
    );
    expect(found).toBeGreaterThan(1000);
  });

  it('reach no host that is not listed, however the URL is put together', () => {
    const part = fc.constantFrom(
      'api.example.com',
      'evil.com',
      '@',
      ':',
      '/',
      '\\',
      '?',
      '#',
      '.',
      '%2e',
      ' ',
      '//',
      '[',
      'user',
      '443',
      '\t',
    );
    const url = fc
      .tuple(
        fc.constantFrom('https:', 'http://', 'https://', 'wss://'),
        fc.array(part, { maxLength: 8 }),
      )
      .map(([start, parts]) => start + parts.join(''));
    fc.assert(
      fc.property(url, (candidate) => {
        if (codeOf(candidate, { egress: { hosts: ['api.example.com'] } }) !== 'ok') return;
        expect(new URL(candidate).host).toBe('api.example.com');
        // A reader that follows RFC 3986 to the letter finds the same host.
        const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(candidate)?.[1];
        expect(authority?.replace(/:\d*$/, '')).toBe('api.example.com');
      }),
      { numRuns: 20_000 },
    );
  });
});
