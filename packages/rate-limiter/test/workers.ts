import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Limit, LimitRule } from '@cortex-governance/core';
import { createSharedLimiterMemory } from '../src/index.ts';
import { type Deeds, MOST_RUNNING, type Orders } from './workers/orders.ts';

export function ruleOf(...limits: readonly Limit[]): LimitRule {
  return { tool: 'files', action: 'read', limits, shadow: false };
}

/** Starts a script of `workers/` in a thread that reads TypeScript. */
export function startWorker(script: string, workerData: unknown): Worker {
  const url = new URL(`./workers/${script}`, import.meta.url);
  // A thread takes no --import for itself: it loads the hooks, then the script.
  const code = `
    import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))};
    register();
    await import(${JSON.stringify(url.href)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    workerData,
    execArgv: ['--conditions=@cortex-governance/source'],
  });
}

export type Hammering = Partial<Omit<Orders, 'worker' | 'control'>> & Pick<Orders, 'rule'>;

export interface Outcome {
  readonly deeds: readonly Deeds[];
  readonly retries: number;
  readonly mostRunning: number;
  /** Times of all admissions of a tenant, in order. */
  timesOf(tenant: number): number[];
}

/** Lets several threads hammer one memory, and collects what they were admitted. */
export async function hammer(hammering: Hammering): Promise<Outcome> {
  const control = new SharedArrayBuffer(64);
  const memory = hammering.memory ?? createSharedLimiterMemory({ maxKeys: 1000 });
  const workers = hammering.workers ?? 4;
  const deeds = await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      const orders: Orders = {
        tenants: 1,
        phases: 0,
        stepMs: 1,
        untilMs: 0,
        calls: 0,
        outcome: 'leave',
        ...hammering,
        memory,
        control,
        worker,
        workers,
      };
      const thread = startWorker('hammer.ts', orders);
      const [told] = (await once(thread, 'message')) as [Deeds];
      await thread.terminate();
      return told;
    }),
  );
  return {
    deeds,
    retries: deeds.reduce((sum, { retries }) => sum + retries, 0),
    mostRunning: new Int32Array(control)[MOST_RUNNING] ?? 0,
    timesOf: (tenant) =>
      deeds
        .flatMap(({ times, tenants }) => times.filter((_, i) => tenants[i] === tenant))
        .sort((a, b) => a - b),
  };
}

/** Most of the times, in order, that lie within any stretch of `windowMs`: its start and not its end. */
export function mostWithin(times: readonly number[], windowMs: number): number {
  let most = 0;
  let oldest = 0;
  for (let i = 0; i < times.length; i++) {
    while ((times[i] as number) - (times[oldest] as number) >= windowMs) oldest += 1;
    most = Math.max(most, i - oldest + 1);
  }
  return most;
}
