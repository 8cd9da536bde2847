import type { Logger } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';

/** A logger under test that writes every level, and the texts that it has written so far. */
export interface LoggerFixture {
  readonly logger: Logger;
  written(): readonly string[];
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

function hostileFields(): readonly Record<string, unknown>[] {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const throwing = {
    get field(): never {
      throw new Error('read');
    },
  };
  const big = { text: 'x'.repeat(1_000_000), list: new Array(100_000).fill(1n) };
  return [
    cycle,
    throwing,
    big,
    { error: new Error('e'), symbol: Symbol('s'), surrogate: '\ud800' },
  ];
}

/** The cases that every {@link Logger} must pass. Call at the top level of a test file. */
export function describeLogger(name: string, factory: () => LoggerFixture): void {
  describe(`${name} (Logger)`, () => {
    it.each(LEVELS)('writes the event and its fields once, by level %s', (level) => {
      const { logger, written } = factory();
      logger[level]('TEST_EVENT', { place: 'here' });
      logger[level]('OTHER_EVENT');
      expect(written()).toHaveLength(2);
      expect(written()[0]).toContain('TEST_EVENT');
      expect(written()[0]).toContain('here');
      expect(written()[1]).toContain('OTHER_EVENT');
    });

    it('keeps one event on one line', () => {
      const { logger, written } = factory();
      logger.info('TEST_EVENT', { text: 'a\nFORGED_EVENT\r\nb\u2028c' });
      expect(written().join('').trimEnd().split(/\r|\n/)).toHaveLength(1);
    });

    it('never throws, whatever it is given', () => {
      const { logger } = factory();
      for (const fields of hostileFields()) {
        for (const level of LEVELS) expect(() => logger[level]('TEST_EVENT', fields)).not.toThrow();
      }
    });
  });
}
