import config from './vitest.config.ts';

/*
 * `nx test-faults evidence-writer`: tests that take minutes, with killed processes, faults of the system,
 * and a checker in another language. Their child processes run the built package, which Nx builds first.
 * None is run again when it fails, in CI either: that one run in a thousand is what they look for.
 */
export default {
  ...config,
  test: { ...config.test, include: ['test/faults/*.faults.ts'], retry: 0 },
};
