import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECORD_FIELDS_BY_VERSION } from '../src/evidence-record.ts';
import { parseRecord } from '../src/record-parser.ts';
import { recogniseDecision } from '../src/verify/record-pattern.ts';
import { LONG } from './sample-log.ts';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('plain', 'a"b', 'a\\b', 'é', '\u007f', '\n', '', '}', '{"v":2}'),
);
const textOrNull = fc.option(text);
const named = fc.record({ id: text, type: text });
const index = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2));

/** Decisions of both versions with any values, members in the order of canonical JSON. */
const decision = fc
  .record({
    action: text,
    argsDigest: textOrNull,
    callId: textOrNull,
    code: text,
    contextDigest: textOrNull,
    effect: fc.constantFrom('allow', 'deny', 'escalate'),
    id: text,
    kind: fc.constant('decision'),
    obligations: fc.array(text, { maxLength: 3 }),
    policyHash: text,
    reason: text,
    resource: named,
    resourcePropertiesDigest: textOrNull,
    retryAfterMs: fc.oneof(fc.nat(), fc.constantFrom(0.5, -1, 1e21)),
    seq: index,
    session: textOrNull,
    shadowed: fc.boolean(),
    stage: text,
    subject: named,
    subjectPropertiesDigest: textOrNull,
    tenant: text,
    trace: textOrNull,
    ts: textOrNull,
    v: fc.constantFrom(1 as const, 2 as const),
  })
  .map((all) => {
    const fields = RECORD_FIELDS_BY_VERSION[all.v].decision;
    return Object.fromEntries(fields.map((name) => [name, all[name as keyof typeof all]]));
  });

function recognise(bytes: Buffer, seq: number): string | null {
  // As it stands in a bundle: between others.
  const bundle = Buffer.concat([Buffer.from('\0{'), bytes, Buffer.from('\0}')]);
  return recogniseDecision(bundle.toString('latin1'), 2, 2 + bytes.length, seq);
}

/** A recognised record is one that the parser takes, with the same effect. */
function expectAgreement(bytes: Buffer, seq: number): string | null {
  const effect = recognise(bytes, seq);
  if (effect !== null) {
    const { record, problem } = parseRecord(bytes, seq);
    expect(problem).toBeNull();
    expect(record).toMatchObject({ kind: 'decision', effect, seq });
  }
  return effect;
}

const runs = { numRuns: LONG ? 100_000 : 2_000 };

describe('the pattern of decisions', () => {
  it('takes every plain decision that a writer writes', () => {
    const plain = /^[ !#-[\]-~]*$/;
    fc.assert(
      fc.property(decision, (value) => {
        const json = JSON.stringify(value);
        const seq = Number(value['seq']);
        const effect = expectAgreement(Buffer.from(json), seq);
        const isPlain =
          plain.test(json.replaceAll('"', '')) &&
          /^[0-9]{1,16}$/.test(String(value['retryAfterMs']));
        if (isPlain && !json.includes('\\')) expect(effect).toBe(value['effect']);
        else expect(effect).toBeNull();
      }),
      runs,
    );
  });

  it('takes nothing that the parser does not, whatever bytes are changed', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'put', 'drop'));
    fc.assert(
      fc.property(decision, fc.array(change, { minLength: 1, maxLength: 3 }), (value, changes) => {
        let bytes = Buffer.from(JSON.stringify({ ...value, retryAfterMs: 0 }));
        for (const [pick, byte, how] of changes) {
          const at = pick % bytes.length;
          const after = { set: 1, cut: bytes.length, put: 0, drop: 1 }[how];
          const put = how === 'set' || how === 'put' ? Buffer.of(byte) : Buffer.alloc(0);
          bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + after)]);
          if (bytes.length === 0) return;
        }
        expectAgreement(bytes, Number(value['seq']));
      }),
      runs,
    );
  });

  it('takes no decision of another place', () => {
    const value = fc.sample(decision, 200);
    for (const one of value) {
      const bytes = Buffer.from(JSON.stringify(one));
      expect(recognise(bytes, Number(one['seq']) + 4)).toBeNull();
    }
  });
});
