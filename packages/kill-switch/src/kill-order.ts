import {
  type KillOrder,
  type KillTarget,
  MAX_IDENTIFIER_LENGTH,
  parseOptions,
} from '@cortex-governance/core';
import { z } from 'zod';

/** Longest actor and longest reason, in UTF-16 code units. */
export const MAX_ORDER_TEXT = 512;

const LONE_SURROGATE = 'lone surrogate';

const identifier = z
  .string()
  .min(1)
  .max(MAX_IDENTIFIER_LENGTH)
  .refine((text) => text.isWellFormed(), LONE_SURROGATE);

const orderText = z
  .string()
  .min(1)
  .max(MAX_ORDER_TEXT)
  .refine((text) => text.isWellFormed(), LONE_SURROGATE)
  .refine((text) => text.trim() !== '', 'blank');

const tenant = identifier.exactOptional();

/** Who gives an order, and why. */
const order = { actor: orderText, reason: orderText };

/** The members that an order has in each scope. */
export const ORDER_SHAPES = {
  global: { scope: z.literal('global'), ...order },
  tenant: { scope: z.literal('tenant'), tenant: identifier, ...order },
  agent: { scope: z.literal('agent'), tenant, agent: identifier, ...order },
  tool: { scope: z.literal('tool'), tenant, tool: identifier, ...order },
  action: { scope: z.literal('action'), tenant, tool: identifier, action: identifier, ...order },
};

const orderSchema = z.discriminatedUnion('scope', [
  z.strictObject(ORDER_SHAPES.global),
  z.strictObject(ORDER_SHAPES.tenant),
  z.strictObject(ORDER_SHAPES.agent),
  z.strictObject(ORDER_SHAPES.tool),
  z.strictObject(ORDER_SHAPES.action),
]);

/**
 * The order, checked and copied.
 * @param where names the order in the message, such as `engage(order)`.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function parseOrder(value: unknown, where: string): KillOrder {
  return parseOptions(orderSchema, withoutUndefined(value), where);
}

/** The target alone, its members in one order. */
export function targetOf(target: KillTarget): KillTarget {
  return {
    scope: target.scope,
    ...(target.tenant === undefined ? {} : { tenant: target.tenant }),
    ...(target.agent === undefined ? {} : { agent: target.agent }),
    ...(target.tool === undefined ? {} : { tool: target.tool }),
    ...(target.action === undefined ? {} : { action: target.action }),
  };
}

/** One string for one target, and never the same for two. */
export function targetKey(target: KillTarget): string {
  return JSON.stringify([
    target.scope,
    target.tenant ?? null,
    target.agent ?? null,
    target.tool ?? null,
    target.action ?? null,
  ]);
}

/** Callers may pass `tenant: undefined`; to the schema a member is there or not. */
function withoutUndefined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}
