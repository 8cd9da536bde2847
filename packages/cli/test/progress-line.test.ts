import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ProgressLine } from '../src/progress-line.ts';

function watched(isTTY: boolean): { stream: PassThrough; text: () => string } {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY });
  return { stream, text: () => String(stream.read() ?? '') };
}

describe('the progress line', () => {
  it('tells count and rate, not too often, over several parts, and goes away', () => {
    const { stream, text } = watched(true);
    let now = 1_000;
    const line = new ProgressLine(stream, 'records', () => now);
    line.show(10);
    expect(text()).toBe('');
    now += 500;
    line.show(4_096);
    expect(text()).toBe('\r\u001b[2K4,096 records, 8,192 a second');
    now += 100;
    line.show(8_192);
    expect(text()).toBe('');
    now += 400;
    line.show(100);
    expect(text()).toBe('\r\u001b[2K8,292 records, 8,292 a second');
    line.clear();
    line.clear();
    expect(text()).toBe('\r\u001b[2K');
  });

  it('says nothing where nobody watches', () => {
    const { stream, text } = watched(false);
    let now = 0;
    const line = new ProgressLine(stream, 'records', () => now);
    now = 10_000;
    line.show(1);
    line.clear();
    expect(text()).toBe('');
  });

  it('takes nothing away that it did not show', () => {
    const { stream, text } = watched(true);
    new ProgressLine(stream, 'records').clear();
    expect(text()).toBe('');
  });
});
