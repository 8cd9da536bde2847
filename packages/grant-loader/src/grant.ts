import { MAX_IDENTIFIER_LENGTH } from '@cortex-governance/core';
import { z } from 'zod';
import { ArgumentName, ArgumentSpec } from './argument-spec.ts';
import { findEgressHostProblem } from './egress-host.ts';
import { GrantRate } from './grant-rate.ts';
import { findScopeEntryProblem } from './scope-entry.ts';

export const DATA_CLASSES = ['public', 'internal', 'sensitive'] as const;
export const GRANT_RISKS = ['low', 'medium', 'high'] as const;
export const GRANT_MODES = ['enforce', 'shadow'] as const;
export const ACTION_EFFECTS = ['read', 'write'] as const;

/** Most entries in one list of a grant. */
const MAX_LIST_LENGTH = 1000;

const Identifier = z
  .string()
  .min(1)
  .max(MAX_IDENTIFIER_LENGTH)
  .refine((text) => !/\p{Cc}/u.test(text), 'contains a control character')
  .refine((text) => text === text.trim(), 'starts or ends with white space');

const GrantArguments = z.record(ArgumentName, ArgumentSpec).transform(withoutPrototype);

const ActionRule = z.strictObject({
  effect: z.enum(ACTION_EFFECTS).default('write').describe('Whether the action changes anything.'),
  approval: z.boolean().default(false).describe('Whether a person must approve each call.'),
  args: GrantArguments.optional().describe(
    "Takes the place of the grant's args; {} means that the action takes none.",
  ),
  rate: GrantRate.optional().describe("Takes the place of the grant's rate."),
});

const Egress = z.strictObject({
  hosts: uniqueList(
    z.string().superRefine((host, context) => {
      const problem = findEgressHostProblem(host);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    }),
  ).describe('api.example.com, *.example.com, or either with :port.'),
});

const ScopeEntry = z.string().superRefine((entry, context) => {
  const problem = findScopeEntryProblem(entry);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

/**
 * What one tool may be used for: the public format of `.cortex/policy/tools/<id>.json`.
 * Members that it does not know are refused. Every change to it is additive.
 */
export const Grant = z
  .strictObject({
    $schema: z.string().optional(),
    tool: Identifier.describe('The tool, as callers name it.'),
    description: z.string().optional(),
    actions: uniqueList(Identifier)
      .min(1)
      .describe('What the tool may do. Everything else is denied.'),
    args: GrantArguments.prefault({}).describe(
      'Arguments by name. When not empty, every other argument is denied.',
    ),
    actionRules: z
      .record(z.string(), ActionRule)
      .transform(withoutPrototype)
      .prefault({})
      .describe('More about single actions.'),
    dataClass: z.enum(DATA_CLASSES).default('internal'),
    rate: GrantRate.describe('Limits of each action, for each tenant.'),
    fsScope: uniqueList(ScopeEntry)
      .default([])
      .describe('Folders, files and globs, relative to the workspace. Empty: no path at all.'),
    egress: Egress.optional().describe('Hosts that URLs in arguments may name. Absent: none.'),
    tenants: uniqueList(Identifier).optional().describe('Absent: every known tenant.'),
    subjects: uniqueList(Identifier).optional().describe('Ids of subjects. Absent: every subject.'),
    risk: z.enum(GRANT_RISKS).default('medium').describe('high: denied while the policy is stale.'),
    mode: z.enum(GRANT_MODES).default('enforce').describe('shadow: denials are only reported.'),
  })
  .superRefine((grant, context) => {
    for (const name of Object.keys(grant.actionRules)) {
      if (grant.actions.includes(name)) continue;
      const message = 'is a rule for an action that is not in actions';
      context.addIssue({ code: 'custom', path: ['actionRules', name], message });
    }
  })
  .meta({ title: 'ToolGrant', description: 'What one tool may be used for.' });

export type Grant = z.output<typeof Grant>;

function uniqueList<T extends z.ZodType<string>>(element: T): z.ZodArray<T> {
  return z
    .array(element)
    .max(MAX_LIST_LENGTH)
    .superRefine((values, context) => {
      values.forEach((value, i) => {
        if (values.indexOf(value) < i) {
          context.addIssue({ code: 'custom', path: [i], message: 'is there twice' });
        }
      });
    })
    .meta({ uniqueItems: true });
}

/** The same members in an object that inherits nothing, so that no name finds what nobody declared. */
function withoutPrototype<T extends object>(members: T): T {
  return Object.assign(Object.create(null) as T, members);
}
