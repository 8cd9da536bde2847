import config from './vitest.config.ts';

/*
 * `nx test-faults evidence-writer`: tests that take minutes, with killed processes, faults of the system,
 * and a checker in another language. Their child processes run the built package, which Nx builds first.
 */
export default { ...config, test: { ...config.test, include: ['test/faults/*.faults.ts'] } };
