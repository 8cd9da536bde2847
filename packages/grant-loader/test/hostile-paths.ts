/** Paths of one kind that must not pass, and the code that each of them gets. */
export interface HostileKind {
  readonly kind: string;
  readonly code: 'PATH_INVALID' | 'PATH_OUT_OF_SCOPE';
  readonly paths: readonly string[];
}

/** Every way that the names of devices are written. */
const DEVICES = [
  ...['con', 'CON', 'Con', 'prn', 'PRN', 'aux', 'Aux', 'nul', 'NUL', 'nUl'],
  ...['com0', 'com1', 'COM9', 'lpt0', 'lpt1', 'LPT9', 'com\u00b9', 'com\u00b2', 'LPT\u00b3'],
  ...['conin$', 'CONIN$', 'conout$', 'ConOut$'],
];

/** Characters that are, or are turned into, a separator, a dot or a backslash somewhere. */
const LOOK_ALIKES = [
  ...['\u2024', '\u2025', '\u2044', '\u2100', '\u2101', '\u2105', '\u2106', '\u2215', '\u2216'],
  ...['\u2571', '\u2572', '\u27cb', '\u27cd', '\u29f5', '\u29f8', '\u29f9', '\ufe52', '\ufe68'],
  ...['\uff0e', '\uff0f', '\uff3c'],
];

/** Percent-encodings of what separates or climbs: plain, double, over-long in two to four bytes, and %u. */
const ENCODED_PIECES = [
  ...['%2e', '%2E', '%2f', '%2F', '%5c', '%5C', '%25', '%00', '%252e', '%252f', '%255c', '%2500'],
  ...['%c0%ae', '%C0%AE', '%c0%af', '%c1%9c', '%c1%1c', '%c0%2f', '%c0%5c', '%C1%81'],
  ...['%e0%80%ae', '%E0%80%AF', '%e0%80%9c', '%f0%80%80%ae', '%F0%80%80%AF'],
  ...['%u002e', '%u002F', '%u005c', '%u2215', '%uFF0E', '%uff0f', '%u0000'],
];

/** Characters that show as nothing. */
const INVISIBLE = [
  ...['\u00ad', '\u034f', '\u061c', '\u115f', '\u17b4', '\u180b', '\u200b', '\u200c', '\u200d'],
  ...['\u200e', '\u200f', '\u2060', '\u2064', '\u3164', '\ufe0f', '\ufeff', '\uffa0', '\u{e0001}'],
];

/** Controls that turn the direction of text, or end its line. */
const DIRECTIONS = [
  ...['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
  ...['\u2028', '\u2029'],
];

const CONTROLS = [
  ...['\u0000', '\u0001', '\u0007', '\b', '\t', '\n', '\u000b', '\f', '\r', '\u001a', '\u001b'],
  ...['\u001f', '\u007f', '\u0080', '\u0085', '\u008d', '\u009b', '\u009f'],
];

/** Paths that must not pass in a workspace `/work/space` whose scope is `docs` and `packages/a`. */
export const HOSTILE_KINDS: readonly HostileKind[] = [
  {
    kind: 'climbing out by dots',
    code: 'PATH_OUT_OF_SCOPE',
    paths: [
      ...['.', './', '..', '../', './..', '.././', '..//', '../..', '../../', '../../../../../..'],
      ...['../docs', '../../docs', '../../../../../../etc/passwd', './../docs', '././../x'],
      ...['docs/..', 'docs/../', 'docs/../.', 'docs/../x', 'docs/../../etc/passwd', 'docs/./../x'],
      ...['docs/a/../../x', 'docs/a/b/../../../x', 'docs/a/../b/../../x', './docs/../.git/config'],
      ...['docs/../docs/../x', 'docs/../docs2', 'docs/../docsx/docs', 'a/b/c/../../../../docs'],
      ...['packages/a/..', 'packages/a/../b', 'packages/a/../../x', 'packages/a/../a-b/x'],
      ...['packages/a/../../packages/b', 'packages/../packages', 'packages/a/./../.'],
      ...['x/../docs/../../space/y', '../space/../docs', '../space/x', '../space', '../space/'],
      ...['../../work/space2/docs', '../../work/space/x', '../spac/docs', '../space/docs/../x'],
      `docs/${'../'.repeat(100)}etc/passwd`,
      `${'a/'.repeat(100)}${'../'.repeat(101)}docs`,
      `docs${'/x'.repeat(50)}${'/..'.repeat(51)}/x`,
      `docs${'/.'.repeat(500)}/../x`,
    ],
  },
  {
    kind: 'doubled separators',
    code: 'PATH_OUT_OF_SCOPE',
    paths: [
      ...['docs//..//..//etc', 'docs/a/..//../.env', 'docs//..', 'docs///../x', 'docs/.//../x'],
      ...['..//docs', '..///docs//', 'x//docs', 'packages//', 'packages//b', 'packages///a-b'],
      ...['/work//space//x', '/work/space//', '/etc//passwd', `docs${'/'.repeat(200)}../x`],
    ],
  },
  {
    kind: 'absolute',
    code: 'PATH_OUT_OF_SCOPE',
    paths: [
      ...['/', '/.', '/..', '/../', '/../..', '/etc/passwd', '/etc/../etc/passwd', '/root/.ssh'],
      ...['/work', '/work/', '/work/space', '/work/space/', '/work/space/.', '/work/space/..'],
      ...['/work/space-evil/docs', '/work/spacedocs', '/work/space/../space2/docs', '/docs/x'],
      ...['/WORK/space/docs', '/work/Space/docs', '/work/space/docsx', '/work/space/x/docs'],
      ...['/work/space/docs/../x', '/work/space/docs/../../space/x', '/space/docs', '/../docs'],
      ...['/work/space/packages', '/work/./space/x', '/work/../space/docs', '/work/docs'],
      ...['/proc/self/root/etc/passwd', '/proc/self/cwd/x', '/proc/1/environ', '/proc/self/mem'],
      ...['/dev/null', '/dev/fd/0', '/dev/stdin', '/dev/tcp/10.0.0.1/80', '/sys/kernel'],
      ...['/tmp/x', '/var/run/docker.sock', '/home/u/work/space/docs', '/C:/Windows/win.ini'],
    ],
  },
  {
    kind: 'names beside the scope',
    code: 'PATH_OUT_OF_SCOPE',
    paths: [
      ...['docsx', 'docs-evil/x', 'docs.bak', 'docs~', 'docs,v', 'docs@1', 'doc', 'd', 'ocs/x'],
      ...['Docs/x', 'DOCS', 'dOCS/x', 'packages', 'packages/', 'packages/ab', 'packages/a-b'],
      ...['packages/A', 'packages/./b', 'Packages/a', 'package/a', 'packages/a.b', 'a', 'a/docs'],
      ...['.docs', '..docs', '_docs/x', '-docs', 'x/docs/a', 'packages/docs', 'packages/b/a'],
    ],
  },
  {
    kind: 'files that govern or give away',
    code: 'PATH_OUT_OF_SCOPE',
    paths: [
      ...['.git/config', '.git/hooks/pre-commit', '.cortex/policy/tools/git.json', '.env'],
      ...['.env.local', '.npmrc', '.ssh/id_rsa', 'node_modules/x', 'package.json', '.cortex'],
      ...['.cortex/governance.yaml', '.vscode/settings.json', '.github/workflows/ci.yml'],
    ],
  },
  {
    kind: 'text that a shell would expand',
    code: 'PATH_OUT_OF_SCOPE',
    paths: [
      ...['-rf', '--output=docs/x', '$HOME/x', '$\u007bHOME}/docs', '$(pwd)/docs', '`pwd`/docs'],
      ...["'docs'/x", '"docs/x"', '**', '*', '?ocs/x', 'docs*', 'doc?/x', '[d]ocs/x', '@docs/x'],
      ...['{docs,x}/y', '{docs/x,/etc}', '@(docs)/x', '!(x)/y', 'docs|x', 'docs;x', 'docs&x'],
      ...['!docs/x', '#docs/x', '=docs', '%APPDATA%/x', '<docs/x', '>docs', '%HOME%', '&docs/x'],
    ],
  },
  {
    kind: 'letters of other alphabets',
    code: 'PATH_OUT_OF_SCOPE',
    paths: [
      ...['d\u043ecs/x', 'do\u0301cs', '\u0501ocs/x', 'doc\u0455/x', 'd\u03bfcs', '\uff44ocs/x'],
      ...['\u{1d41d}ocs/x', 'doc\u017f/x', 'docs\u0301/x', '\u24d3ocs', 'p\u0430ckages/a'],
      ...['packages/\u0430', 'packages/\u0251', 'packages/\uff41', 'packages/a\u0308', 'do\u0441s'],
    ],
  },
  {
    kind: 'nothing, blanks and dots at the end of names',
    code: 'PATH_INVALID',
    paths: [
      ...[
        '',
        ' ',
        '  ',
        '/ ',
        ' /',
        './ ',
        'docs/ ',
        'docs /x',
        'docs/x ',
        ' ../x',
        '.. /x',
        '. /x',
      ],
      ...['docs./x', 'docs/x.', 'docs/...', 'docs/....', '.../x', 'docs/.. /x', 'docs/.../x'],
      ...[
        'docs/..  /../x',
        'docs/x. ',
        'docs/x .',
        'docs/x./y',
        'docs/. .',
        'docs/. ./x',
        '... /x',
      ],
    ],
  },
  {
    kind: 'control characters',
    code: 'PATH_INVALID',
    paths: [
      ...CONTROLS.map((control) => `docs/a${control}b`),
      ...['\u0000', 'docs\u0000', '\u0000docs/x', 'docs/a\u0000../../x', 'docs/a\u0000.md'],
      ...['docs/\u001b[31m', 'docs/x\r\n../../y', '..\u0000/x', 'docs/a.md\n/etc/passwd'],
    ],
  },
  {
    kind: 'halves of characters',
    code: 'PATH_INVALID',
    paths: [
      ...['docs/\ud800', 'docs/\udc00x', '\udfff/docs', 'docs/\udc00\ud800', 'docs/\ud83d/x'],
      ...['docs/a\udbff', 'docs/\ud83d\ud83d\ude00', '\ud800'],
    ],
  },
  {
    kind: 'backslashes',
    code: 'PATH_INVALID',
    paths: [
      ...['\\', '..\\x', 'docs\\..\\..\\x', 'docs/..\\..\\x', 'docs\\x', 'docs/a\\', '.\\docs\\x'],
      ...['\\etc\\passwd', '\\\\server\\share', '\\\\?\\C:\\x', '\\\\.\\pipe\\x', '\\??\\C:\\x'],
      ...['docs/\\..\\x', '\\/etc/passwd', '/\\server/share', 'docs/..\\/..\\/x', '\\docs'],
      ...['\\\\?\\UNC\\server\\share', '\\\\?\\GLOBALROOT\\Device', 'docs\\\\x', 'docs/x\\ y'],
    ],
  },
  {
    kind: 'Windows servers, drives and streams',
    code: 'PATH_INVALID',
    paths: [
      ...['//', '//.', '//..', '//server', '//server/share', '//server/share/docs', '//?/C:/x'],
      ...['//./pipe/x', '//etc/passwd', '///etc/passwd', '//work/space/docs/a', '////', '//docs/a'],
      ...['C:', 'C:/', 'C:/Windows', 'C:\\Windows', 'c:docs/x', 'Z:../x', 'd:/work/space/docs'],
      ...['docs:x', 'docs:/x', 'docs::$DATA', 'a:b', 'z:.', 'docs:stream:$DATA/x'],
    ],
  },
  {
    kind: 'Windows devices',
    code: 'PATH_INVALID',
    paths: [
      ...DEVICES.map((device) => `docs/${device}`),
      ...[
        'nul',
        'NUL/x',
        'con/../docs/x',
        'docs/con.txt',
        'docs/aux /x',
        'docs/prn:x',
        'docs/nul/x',
      ],
      ...['docs/lpt9.log', 'docs/COM1.tar.gz', 'docs/nul .txt', 'docs/con..txt', 'docs/aux:stream'],
      ...['docs/nul   .x', 'docs/conin$.x', 'docs/com\u00b3.txt', '/work/space/docs/nul', './nul'],
    ],
  },
  {
    kind: 'home folders and URLs',
    code: 'PATH_INVALID',
    paths: [
      ...['~', '~/x', '~root/x', '~+/x', '~-/x', '~1', '~/../docs', '~docs', '~\u00e9/x'],
      ...['file:///etc/passwd', 'file:docs/x', 'FILE:///etc/passwd', 'file:/etc/passwd', 'file:'],
      ...['https://example.com/docs', 'data:text/plain,x', 'javascript:x', 'jar:file:/x!/y'],
      ...['gopher://x', 'php://filter/x', 'zip://x', 'node:fs', 'blob:x', 'view-source:docs/x'],
      ...['git+ssh://x/docs', 's3://bucket/docs', 'a.b+c-d:docs', 'vscode:docs'],
    ],
  },
  {
    kind: 'percent-encodings',
    code: 'PATH_INVALID',
    paths: [
      ...ENCODED_PIECES.map((piece) => `docs/${piece}`),
      ...ENCODED_PIECES.map((piece) => `docs/..${piece}x`),
      ...['docs/%2e%2e/x', 'docs/%2E%2E%2Fx', '%2e%2e/x', '%2fetc%2fpasswd', 'docs/%252e%252e/x'],
      ...['docs/x%00.md', 'docs/%c0%ae%c0%ae/x', 'docs/%u002e%u002e/x', '%5c%5cserver', '%7e/%2e'],
      ...['docs/.%2e/x', 'docs/%2e./x', 'docs%2f..%2fx', 'docs/%25%32%65', 'docs/%%32%65%2e'],
    ],
  },
  {
    kind: 'look-alikes of dots and separators',
    code: 'PATH_INVALID',
    paths: [
      ...LOOK_ALIKES.map((character) => `docs/${character}${character}/x`),
      ...LOOK_ALIKES.map((character) => `docs${character}x`),
      ...['docs/.\uff0e/x', 'docs/\uff0e./x', '\uff0e\uff0e/x', '\uff0fetc', 'docs\u2215..\u2215x'],
    ],
  },
  {
    kind: 'dots hidden among characters that show as nothing',
    code: 'PATH_INVALID',
    paths: [
      ...INVISIBLE.map((character) => `docs/.${character}./x`),
      ...INVISIBLE.map((character) => `docs/${character}/x`),
      ...[
        'docs/\u200b../x',
        'docs/..\ufeff/x',
        '\u200b..',
        '..\u200d',
        'docs/x.\u200b',
        'x\u200b ./y',
      ],
    ],
  },
  {
    kind: 'text that shows as other text',
    code: 'PATH_INVALID',
    paths: [
      ...DIRECTIONS.map((character) => `docs/a${character}gpj.exe`),
      ...['\u202edocs/x', 'docs\u2066/x', 'docs/x\u2028'],
    ],
  },
  {
    kind: 'very long',
    code: 'PATH_INVALID',
    paths: [
      `docs/${'x'.repeat(4092)}`,
      `${'docs/../'.repeat(600)}etc`,
      `docs${'/'.repeat(4096)}`,
      `docs/${'a/'.repeat(2100)}`,
      `docs/${'\u00e9'.repeat(4092)}`,
      `${'../'.repeat(1400)}etc/passwd`,
      `docs/${'x'.repeat(1_000_000)}`,
      `${'a.'.repeat(2047)}/docs`,
      '/'.repeat(4097),
      '.'.repeat(4096),
      `${'(a+)+'.repeat(900)}!`,
    ],
  },
];

export const HOSTILE_PATHS: readonly string[] = HOSTILE_KINDS.flatMap(({ paths }) => paths);

/** Paths that must pass in the same scope. */
export const HONEST_PATHS: readonly string[] = [
  'docs',
  'docs/',
  './docs',
  'docs/a.md',
  'docs//a.md',
  'docs/./a.md',
  'docs/a/../b.md',
  'docs/a/b/../../c',
  'x/../docs/a.md',
  'packages/../docs/a.md',
  '../space/docs/a.md',
  '/work/space/docs',
  '/work/space/docs/a.md',
  '/work/space/x/../docs/a.md',
  'packages/a',
  'packages/a/src/index.ts',
  'docs/.hidden',
  'docs/..a',
  'docs/a..b',
  'docs/a b.md',
  'docs/$types.ts',
  'docs/@scope/x',
  'docs/[id].ts',
  'docs/a+b=c,d;e&f!g#h',
  'docs/100%.md',
  'docs/2026-01-01T10:00:00.log',
  'docs/\u00e9t\u00e9.md',
  'docs/\u65e5\u672c\u8a9e.md',
  'docs/\ud83d\udc68\u200d\ud83d\udc69.md',
  'docs/console.ts',
  'docs/nullable.ts',
  'docs/auxiliary',
  'docs/com10',
  'docs/-rf',
  `docs/${'x'.repeat(255)}`,
];
