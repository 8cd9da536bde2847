import { z } from 'zod';

/** Most labels of one metric. */
const MAX_LABELS = 16;

const MAX_BUCKETS = 100;

/** Metric names without the colon, which is for recording rules, and the leading `__`, which is for Prometheus. */
const NAME_PATTERN = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,199}$/;

const labelNames = z
  .array(z.string().regex(NAME_PATTERN, 'not a label name'))
  .max(MAX_LABELS)
  .refine((names) => new Set(names).size === names.length, 'a label name is there twice');

export const definitionSchema = z.object({
  // prom-client keeps metrics in a plain object, where inherited names look taken.
  name: z
    .string()
    .regex(NAME_PATTERN, 'not a metric name')
    .refine((name) => !(name in Object.prototype), 'not a metric name'),
  help: z.string().trim().min(1),
  labelNames: labelNames.readonly(),
});

export const bucketsSchema = z
  .array(z.number())
  .min(1)
  .max(MAX_BUCKETS)
  .refine(
    (buckets) => buckets.every((bound, i) => i === 0 || bound > (buckets[i - 1] ?? bound)),
    'buckets must rise',
  )
  .readonly();

/** The names that a metric's lines have in an exposition. */
export function sampleNames(type: string, name: string): readonly string[] {
  if (type !== 'histogram' && type !== 'summary') return [name];
  return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
}
