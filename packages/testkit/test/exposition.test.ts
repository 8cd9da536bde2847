import { describe, expect, it } from 'vitest';
import { parseExposition } from '../src/index.ts';

const HEAD = '# HELP a_total A test.\n# TYPE a_total counter\n';
const HISTOGRAM = '# HELP h A test.\n# TYPE h histogram\n';

describe('parseExposition', () => {
  it('reads families, labels, escapes and values', () => {
    const text = `${HEAD}a_total{x="q\\"\\\\\\n,}",y=""} 1.5e+21\n\n# HELP b Two\\nlines.\n# TYPE b gauge\nb NaN\nb{z="1"} -Inf\n`;
    const families = parseExposition(text);
    expect([...families.keys()]).toEqual(['a_total', 'b']);
    expect(families.get('a_total')).toEqual({
      name: 'a_total',
      type: 'counter',
      help: 'A test.',
      samples: [{ name: 'a_total', labels: { x: 'q"\\\n,}', y: '' }, value: 1.5e21 }],
    });
    expect(families.get('b')?.help).toBe('Two\nlines.');
    expect(families.get('b')?.samples.map(({ value }) => value)).toEqual([Number.NaN, -Infinity]);
  });

  it('reads a histogram', () => {
    const lines =
      'h_bucket{x="1",le="0.5"} 1\nh_bucket{x="1",le="+Inf"} 2\nh_sum{x="1"} 3\nh_count{x="1"} 2\n';
    expect(parseExposition(HISTOGRAM + lines).get('h')?.samples).toHaveLength(4);
  });

  it.each([
    ['no newline at the end', 'a_total 1', /newline/],
    ['a sample without a family', 'a_total 1\n', /line 1: sample a_total is outside/],
    ['a sample of another family', `${HEAD}b_total 1\n`, /line 3: sample b_total is outside/],
    ['a family twice', `${HEAD}a_total 1\n${HEAD}`, /line 4: family a_total is there twice/],
    ['no HELP', '# TYPE a_total counter\na_total 1\n', /TYPE does not follow/],
    ['no TYPE', '# HELP a_total A.\na_total 1\n', /outside its family/],
    ['an empty HELP', '# HELP a_total\n', /empty HELP/],
    ['an unknown type', '# HELP a A.\n# TYPE a thing\n', /type thing/],
    ['a bad name', '# HELP a-b A.\n', /metric name a-b/],
    ['another comment', '# hello\n', /comment/],
    ['a sample twice', `${HEAD}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`, /there twice/],
    ['a label twice', `${HEAD}a_total{x="1",x="2"} 1\n`, /label name/],
    ['a label without quotes', `${HEAD}a_total{x=1} 1\n`, /no label value/],
    ['a label without an end', `${HEAD}a_total{x="1} 1\n`, /without an end/],
    ['an unknown escape', `${HEAD}a_total{x="\\t"} 1\n`, /unknown escape/],
    ['no value', `${HEAD}a_total\n`, /value/],
    ['a value with text', `${HEAD}a_total 1x\n`, /value/],
    ['a timestamp', `${HEAD}a_total 1 2\n`, /value/],
    ['Nan', '# HELP a A.\n# TYPE a gauge\na Nan\n', /value/],
    ['a negative counter', `${HEAD}a_total -1\n`, /negative/],
    [
      'buckets that fall',
      `${HISTOGRAM}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
      /fall/,
    ],
    ['no +Inf bucket', `${HISTOGRAM}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`, /\+Inf/],
    ['a count that differs', `${HISTOGRAM}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`, /\+Inf/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseExposition(text)).toThrow(message);
  });
});
