import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, sha256Hex } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  CLOUD_EVENT_TYPE_PREFIX,
  type DecisionRecord,
  type EventRecord,
  type EvidenceRecord,
  type GapRecord,
  OCSF_VERSION,
  type OcsfEvent,
  OTEL_SEMANTIC_CONVENTIONS_VERSION,
  toCloudEvent,
  toOcsf,
  toOtelAttributes,
} from '../src/index.ts';

const ORIGIN = 'cortex-governance.local/default';
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const decision: DecisionRecord = {
  v: 2,
  kind: 'decision',
  seq: 41,
  id: '019a3c5e-0000-7000-8000-000000000001',
  ts: '2026-11-01T00:00:00.123Z',
  tenant: 'acme',
  subject: { type: 'agent', id: 'agent-1' },
  subjectPropertiesDigest: 'b'.repeat(64),
  action: 'search',
  argsDigest: 'c'.repeat(64),
  resource: { type: 'tool', id: 'git-map' },
  resourcePropertiesDigest: 'd'.repeat(64),
  contextDigest: 'e'.repeat(64),
  callId: 'call-7',
  effect: 'allow',
  code: 'ALLOWED',
  reason: 'allowed',
  stage: 'evidence',
  policyHash: 'a'.repeat(64),
  retryAfterMs: 0,
  shadowed: false,
  obligations: ['redact'],
  session: 's-1',
  trace: TRACE,
};

const event: EventRecord = {
  v: 2,
  kind: 'event',
  seq: 0,
  id: '019a3c5e-0000-7000-8000-000000000002',
  ts: '2026-11-01T00:00:01.000Z',
  type: 'policy_update',
  properties: { changed: true },
};

const gap: GapRecord = {
  v: 2,
  kind: 'gap',
  seq: 7,
  id: '019a3c5e-0000-7000-8000-000000000003',
  ts: null,
  count: 3,
  reasons: { queue_full: 3 },
  firstTime: '2026-11-01T00:00:02.000Z',
  lastTime: '2026-11-01T00:00:03.000Z',
};

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value);

/** Records as a log can hold them. */
const records: fc.Arbitrary<EvidenceRecord> = fc.oneof(
  fc
    .record({
      seq: fc.maxSafeNat(),
      id: fc.oneof(name, fc.constant('')),
      ts: maybe(fc.constantFrom('1970-01-01T00:00:00.000Z', '2026-11-01T00:00:00.123Z')),
      tenant: name,
      subject: fc.record({ type: fc.constantFrom('agent', 'user'), id: name }),
      action: name,
      resource: fc.record({ type: fc.constantFrom('tool', 'document'), id: name }),
      callId: maybe(name),
      outcome: fc.constantFrom(
        { effect: 'allow', code: 'ALLOWED' },
        { effect: 'deny', code: 'RATE_LIMITED' },
        { effect: 'deny', code: 'KILLED_GLOBAL' },
        { effect: 'deny', code: 'OF_A_LATER_VERSION' },
        { effect: 'escalate', code: 'APPROVAL_REQUIRED' },
      ),
      shadowed: fc.boolean(),
      session: maybe(name),
      trace: maybe(fc.constant(TRACE)),
    })
    .map(({ outcome, ...rest }) => ({ ...decision, ...rest, ...outcome }) as DecisionRecord),
  fc
    .record({ seq: fc.maxSafeNat(), type: name, properties: maybe(fc.constant({ a: [1, {}] })) })
    .map((rest) => ({ ...event, ...rest })),
  fc.record({ seq: fc.maxSafeNat(), count: fc.nat() }).map((rest) => ({ ...gap, ...rest })),
);

describe('toOcsf', () => {
  /*
   * From ocsf/ocsf-schema, release 1.8.0: events/base_event.json, events/application/api_activity.json with
   * the profiles security_control and trace, and the files of the objects. `required` has requirement
   * "required" there; of `oneOf` at least one must be there (constraint at_least_one).
   */
  const BASE = [
    'action action_id activity_id activity_name attacks authorizations category_name category_uid',
    'class_name class_uid confidence confidence_id confidence_score count disposition disposition_id',
    'duration end_time enrichments firewall_rule is_alert malware malware_scan_info message metadata',
    'observables policy raw_data raw_data_hash raw_data_size risk_details risk_level risk_level_id',
    'risk_score severity severity_id start_time status status_code status_detail status_id time',
    'timezone_offset type_name type_uid unmapped',
  ];
  const API_ACTIVITY = [
    ...BASE,
    'actor api dst_endpoint http_request http_response resources src_endpoint trace',
  ];
  const REQUIRED = [
    'activity_id category_uid class_uid metadata severity_id time type_uid',
    'activity_id category_uid class_uid metadata severity_id time type_uid actor api src_endpoint',
  ] as const;
  const OBJECTS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['metadata', ['product', 'version'], []],
    ['metadata.product', [], ['name', 'uid']],
    ['raw_data_hash', ['algorithm_id', 'value'], []],
    ['actor', [], ['process', 'user', 'invoked_by', 'session', 'app_name', 'app_uid']],
    ['actor.user', [], ['account', 'name', 'uid']],
    ['api', ['operation'], []],
    ['api.request', ['uid'], []],
    ['api.service', [], ['name', 'uid']],
    ['resources.0', [], ['name', 'uid']],
    ['src_endpoint', [], ['ip', 'uid', 'name', 'hostname', 'svc_name', 'instance_uid']],
    ['policy', [], ['name', 'type', 'uid']],
    ['trace', ['uid'], []],
  ];
  /** Captions of the enumerations, as far as they are used; 99 takes any caption. */
  const CAPTIONS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
    severity: { 1: 'Informational', 2: 'Low', 3: 'Medium', 4: 'High' },
    status: { 0: 'Unknown', 2: 'Failure' },
    action: { 1: 'Allowed', 2: 'Denied', 3: 'Observed' },
    disposition: { 1: 'Allowed', 2: 'Blocked', 15: 'Detected' },
  };

  function at(value: unknown, path: string): OcsfEvent | undefined {
    return path
      .split('.')
      .reduce((inner, step) => (inner as Record<string, unknown> | undefined)?.[step], value) as
      | OcsfEvent
      | undefined;
  }

  function check(ocsf: OcsfEvent): void {
    const isApi = ocsf['class_uid'] === 6003;
    const known = (isApi ? API_ACTIVITY : BASE).join(' ').split(' ');
    expect(Object.keys(ocsf).filter((attribute) => !known.includes(attribute))).toEqual([]);
    expect(Object.keys(ocsf)).toEqual(expect.arrayContaining(REQUIRED[isApi ? 1 : 0].split(' ')));
    expect(ocsf['type_uid']).toBe(Number(ocsf['class_uid']) * 100 + Number(ocsf['activity_id']));
    expect(ocsf['category_uid']).toBe(Math.floor(Number(ocsf['class_uid']) / 1000));
    expect(Number.isSafeInteger(ocsf['time'])).toBe(true);
    for (const [path, required, oneOf] of OBJECTS) {
      const object = at(ocsf, path);
      if (object === undefined) continue;
      expect(Object.keys(object)).toEqual(expect.arrayContaining([...required]));
      if (oneOf.length > 0) expect(oneOf.some((member) => member in object)).toBe(true);
    }
    for (const [attribute, captions] of Object.entries(CAPTIONS)) {
      const id = ocsf[`${attribute}_id`] as number | undefined;
      if (id === undefined) continue;
      if (id === 99) expect(ocsf[attribute]).toEqual(expect.stringMatching(/./));
      else expect(ocsf[attribute]).toBe(captions[id]);
    }
  }

  it('writes what the schema asks for, whatever the record', () => {
    fc.assert(fc.property(records, (record) => check(toOcsf(record, ORIGIN))));
  });

  it('holds the bytes of the record, and their digest', () => {
    fc.assert(
      fc.property(records, (record) => {
        const ocsf = toOcsf(record, ORIGIN);
        const raw = canonicalJson(record);
        expect(ocsf).toMatchObject({
          raw_data: raw,
          raw_data_size: Buffer.byteLength(raw),
          raw_data_hash: { value: sha256Hex(raw) },
        });
      }),
    );
  });

  it.each([
    [{}, { severity_id: 1, status_id: 0, action_id: 1, disposition_id: 1 }],
    [{ shadowed: true }, { severity_id: 3, status_id: 0, action_id: 3, disposition_id: 15 }],
    [
      { effect: 'escalate', code: 'APPROVAL_REQUIRED' },
      { severity_id: 2, action: 'Escalated' },
    ],
    [
      { effect: 'deny', code: 'ACTION_NOT_ALLOWED' },
      { severity_id: 3, status_id: 2, action_id: 2 },
    ],
    [
      { effect: 'deny', code: 'RATE_LIMITED' },
      { severity_id: 2, disposition_id: 2 },
    ],
    [{ effect: 'deny', code: 'KILLED_TOOL' }, { severity_id: 4 }],
    [{ effect: 'deny', code: 'OF_A_LATER_VERSION' }, { severity_id: 3 }],
  ] as const)('tells %j as %j', (change, expected) => {
    expect(toOcsf({ ...decision, ...change }, ORIGIN)).toMatchObject(expected);
  });
});

describe('toCloudEvent', () => {
  /* From cloudevents/spec, 1.0.2: formats/cloudevents.json, and spec.md for the names of attributes. */
  const cloudEvent = z.looseObject({
    specversion: z.literal('1.0'),
    id: z.string().min(1),
    source: z
      .string()
      .min(1)
      .refine((text) => URL.canParse(text, 'https://base.example/'), 'no URI reference')
      .regex(/^[\x21-\x7e]+$/),
    type: z.string().min(1),
    datacontenttype: z.string().min(1).optional(),
    dataschema: z.url().optional(),
    subject: z.string().min(1).optional(),
    time: z.iso.datetime({ offset: true }).optional(),
    // The extensions sequence and distributed tracing.
    sequence: z.string().min(1).optional(),
    traceparent: z.string().min(1).optional(),
  });

  it('writes what the specification asks for, whatever the record', () => {
    fc.assert(
      fc.property(records, fc.constantFrom(ORIGIN, 'ü/ä?#:', 'a:8080/b'), (record, origin) => {
        const { data, ...attributes } = toCloudEvent(record, origin);
        expect(cloudEvent.parse(attributes)).toEqual(attributes);
        expect(Object.keys(attributes).every((key) => /^[a-z0-9]{1,20}$/.test(key))).toBe(true);
        expect(data).toBe(record);
      }),
    );
  });

  it('has sequences that sort as the log does', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        const [one, other] = [a, b].map((seq) => toCloudEvent({ ...gap, seq }, ORIGIN).sequence);
        expect(one! < other!).toBe(a < b);
      }),
    );
  });

  it('names the record by source and id', () => {
    expect(toCloudEvent(decision, ORIGIN)).toEqual({
      specversion: '1.0',
      id: decision.id,
      source: '/cortex-governance.local/default',
      type: `${CLOUD_EVENT_TYPE_PREFIX}.decision.v2`,
      time: decision.ts,
      subject: 'tool/git-map',
      datacontenttype: 'application/json',
      sequence: '0000000000000041',
      traceparent: TRACE,
      data: decision,
    });
  });
});

describe('toOtelAttributes', () => {
  it('writes attributes of the types that OpenTelemetry has, under known names alone', () => {
    const value = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);
    fc.assert(
      fc.property(records, (record) => {
        const attributes = toOtelAttributes(record, ORIGIN);
        expect(z.record(z.string(), value).parse(attributes)).toEqual(attributes);
        for (const key of Object.keys(attributes)) {
          expect(key).toMatch(/^(gen_ai|cortex\.governance)(\.[a-z][a-z_]*)+$/);
        }
      }),
    );
  });

  it('calls a call of a tool what the conventions call it', () => {
    expect(toOtelAttributes(decision, ORIGIN)).toMatchObject({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'git-map',
      'gen_ai.tool.call.id': 'call-7',
      'gen_ai.agent.id': 'agent-1',
      'gen_ai.conversation.id': 's-1',
    });
    const other = { ...decision, resource: { type: 'document', id: 'x' }, session: null };
    const user = { ...other, subject: { type: 'user', id: 'ann' } };
    const names = Object.keys(toOtelAttributes(user, ORIGIN));
    expect(names.filter((key) => key.startsWith('gen_ai.'))).toEqual([]);
  });
});

describe('docs/reference/evidence-exports.md', () => {
  const page = readFileSync(
    join(import.meta.dirname, '../../../docs/reference/evidence-exports.md'),
    'utf8',
  );

  /** First cells of the table under a heading. */
  function documented(heading: string): readonly string[] {
    const section = page.split(`\n### ${heading}\n`)[1]?.split(/\n##+ /)[0] ?? '';
    return [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1]!).sort();
  }

  /** Paths of all values, objects inside `opaque` ones counting as values. */
  function paths(value: object, opaque: readonly string[], prefix = ''): readonly string[] {
    return Object.entries(value)
      .flatMap(([key, inner]) => {
        const path = `${prefix}${key}`;
        const isObject = typeof inner === 'object' && inner !== null && !opaque.includes(path);
        if (!isObject) return [path];
        if (!Array.isArray(inner)) return paths(inner, opaque, `${path}.`);
        const [first] = inner as readonly unknown[];
        const isRow = typeof first === 'object' && first !== null;
        return isRow ? paths(first, opaque, `${path}[].`) : [path];
      })
      .sort();
  }

  it.each<[string, object, readonly string[]]>([
    ['OCSF: decisions', toOcsf(decision, ORIGIN), []],
    ['OCSF: events', toOcsf({ ...event }, ORIGIN), ['unmapped.properties']],
    ['OCSF: gaps', toOcsf({ ...gap, ts: event.ts }, ORIGIN), ['unmapped.reasons']],
    ['CloudEvents', toCloudEvent(decision, ORIGIN), ['data']],
    [
      'OpenTelemetry',
      {
        ...toOtelAttributes(decision, ORIGIN),
        ...toOtelAttributes(event, ORIGIN),
        ...toOtelAttributes(gap, ORIGIN),
      },
      [],
    ],
  ])('has exactly the attributes of the table "%s"', (heading, value, opaque) => {
    expect(documented(heading)).toEqual(paths(value, opaque));
  });

  it('names the versions', () => {
    expect(page).toContain(`OCSF ${OCSF_VERSION}`);
    expect(page).toContain(`semantic conventions ${OTEL_SEMANTIC_CONVENTIONS_VERSION}`);
    expect(page).toContain(`\`${CLOUD_EVENT_TYPE_PREFIX}.<kind>.v<version>\``);
  });
});
