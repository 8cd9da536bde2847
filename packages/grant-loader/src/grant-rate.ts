import { LIMIT_DIMENSIONS, type LimitDimension } from '@cortex-governance/core';
import { z } from 'zod';

/** Highest rate and burst, in calls per window. */
export const MAX_RATE = 1_000_000_000;

/** Highest budget, in tokens or millionths of a currency unit. */
const MAX_BUDGET = 2 ** 40;

const MAX_CONCURRENCY = 1_000_000;
const MAX_LEASE_SECONDS = 7 * 86_400;

/** How long a call counts as running when nobody says that it ended: 5 minutes. */
const DEFAULT_LEASE_SECONDS = 300;

/** Most entries in `limits`; with what stands beside them, at most as many as a limiter takes. */
const MAX_FURTHER_LIMITS = 4;

/** Most single limits that one rate adds up to. */
const MAX_LIMITS = 16;

const calls = z.int().min(1).max(MAX_RATE);
const units = z.int().min(1).max(MAX_BUDGET);

/** How much of something in each of three windows. */
export interface WindowRates {
  readonly perMinute?: number | undefined;
  readonly perHour?: number | undefined;
  readonly perDay?: number | undefined;
}

export interface BudgetRate extends WindowRates {
  readonly perCall: number;
}

/** What the rate of an action and each of its further limits may hold. */
export interface RateMembers extends WindowRates {
  readonly burst?: number | undefined;
  readonly tokens?: BudgetRate | undefined;
  readonly cost?: BudgetRate | undefined;
  readonly concurrency?: { readonly limit: number; readonly leaseSeconds: number } | undefined;
}

/** What limits count apart that do not say otherwise. */
export const EACH_ACTION: readonly LimitDimension[] = Object.freeze(['tenant', 'tool', 'action']);

const callWindows = {
  perMinute: calls.optional().describe('Most calls in any 60 seconds.'),
  perHour: calls.optional().describe('Most calls in any hour.'),
  perDay: calls.optional().describe('Most calls in any 24 hours.'),
};

function budget(what: string, perCall: string): z.ZodType<BudgetRate, unknown> {
  return z
    .strictObject({
      perMinute: units.optional().describe(`Most ${what} in any 60 seconds.`),
      perHour: units.optional().describe(`Most ${what} in any hour.`),
      perDay: units.optional().describe(`Most ${what} in any 24 hours.`),
      perCall: units.describe(perCall),
    })
    .refine(hasWindow, 'needs at least one of perMinute, perHour, perDay');
}

const rateMembers = {
  ...callWindows,
  burst: calls
    .optional()
    .describe('Calls at once beyond a steady perMinute: at most perMinute + burst in any minute.'),
  tokens: budget('tokens', 'Tokens reserved by a call that names no cap.').optional(),
  cost: budget(
    'millionths of a currency unit',
    'Cost reserved by a call without estimate.',
  ).optional(),
  concurrency: z
    .strictObject({
      limit: z.int().min(1).max(MAX_CONCURRENCY).describe('Most calls that run at a time.'),
      leaseSeconds: z
        .int()
        .min(1)
        .max(MAX_LEASE_SECONDS)
        .default(DEFAULT_LEASE_SECONDS)
        .describe('A call whose end nobody reports counts as running for this long.'),
    })
    .optional(),
};

const FurtherLimit = z
  .strictObject({
    by: z
      .array(z.enum(LIMIT_DIMENSIONS))
      .max(LIMIT_DIMENSIONS.length)
      .refine((by) => new Set(by).size === by.length, 'names a dimension twice')
      .describe(
        'What is counted apart. Without `tool`, calls of all tools with such a limit count together.',
      ),
    ...rateMembers,
  })
  .refine(limitsAnything, 'limits nothing')
  .refine(burstHasRate, { path: ['burst'], message: 'needs perMinute' });

/**
 * The limits of an action. Those beside `limits` count each action of the tool for each tenant; those
 * in `limits` count as their `by` says. A call must be within all of them.
 */
export const GrantRate = z
  .strictObject({
    ...rateMembers,
    perMinute: calls.describe('Most calls in any 60 seconds.'),
    limits: z
      .array(FurtherLimit)
      .max(MAX_FURTHER_LIMITS)
      .optional()
      .describe('Further limits, counted in other ways.'),
  })
  .refine(
    (rate) =>
      [rate, ...(rate.limits ?? [])].reduce((sum, part) => sum + countLimits(part), 0) <=
      MAX_LIMITS,
    `has more than ${MAX_LIMITS} limits`,
  )
  .superRefine(({ limits = [] }, context) => {
    const known = new Set([countedApart(EACH_ACTION)]);
    for (const [i, { by }] of limits.entries()) {
      const counted = countedApart(by);
      if (known.has(counted)) {
        const message = 'counts the same calls as another part of this rate; put both into one';
        context.addIssue({ code: 'custom', path: ['limits', i, 'by'], message });
      }
      known.add(counted);
    }
  });

export type GrantRate = z.output<typeof GrantRate>;

function countedApart(by: readonly LimitDimension[]): string {
  return LIMIT_DIMENSIONS.filter((dimension) => by.includes(dimension)).join();
}

function hasWindow(rate: WindowRates): boolean {
  return countWindows(rate) > 0;
}

function countWindows(rate: WindowRates): number {
  return [rate.perMinute, rate.perHour, rate.perDay].filter((limit) => limit !== undefined).length;
}

function countLimits(rate: RateMembers): number {
  const budgets = [rate.tokens, rate.cost].filter((part) => part !== undefined);
  const windows = [rate, ...budgets].reduce((sum, part) => sum + countWindows(part), 0);
  return windows + (rate.concurrency === undefined ? 0 : 1);
}

function limitsAnything(rate: RateMembers): boolean {
  return countLimits(rate) > 0;
}

function burstHasRate(rate: RateMembers): boolean {
  return rate.burst === undefined || rate.perMinute !== undefined;
}
