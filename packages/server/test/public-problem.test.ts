import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readOperatorToken } from '../src/index.ts';
import { startServer } from './workspace.ts';

describe('/health/ready', () => {
  it('names no file; the status does, to operators', async () => {
    const { governor, folder, url } = await startServer();
    await writeFile(join(folder, '.cortex', 'policy', 'tools', 'broken.json'), '{');
    await governor.grants.reload();
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(200);
    const { warnings } = (await ready.json()) as { warnings: string[] };
    expect(warnings).toEqual(['POLICY_UPDATE_FAILED']);
    const token = await readOperatorToken(governor.paths.operatorTokenFile);
    const status = await fetch(`${url}/v1/operator/status`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const told = (await status.json()) as { warnings: string[] };
    expect(told.warnings[0]).toContain('broken.json');
  });

  it.each([
    ['closed', 'closed'],
    ['kill switch: everything is stopped', 'kill switch: everything is stopped'],
    ['kill switch: /srv/a b/.cortex/kill.json: not JSON', 'kill switch'],
    [
      "evidence: ENOSPC: no space left on device, write '/srv/evidence'",
      'evidence: ENOSPC: no space left on device, write',
    ],
    ['evidence: EACCES: open C:\\cortex\\log', 'evidence: EACCES: open'],
    ['kill switch: file ../runtime/kill: gone', 'kill switch: file'],
    ['POLICY_UPDATE_FAILED: tools/a.json: rate: too small', 'POLICY_UPDATE_FAILED'],
    ['POLICY_UPDATE_FAILED: a.json: rate: too small', 'POLICY_UPDATE_FAILED'],
    ['EVIDENCE_LOCKED: file:///srv/log', 'EVIDENCE_LOCKED: file'],
    ['more than 0.5 s late', 'more than 0.5 s late'],
    ['/srv/log', 'a file'],
  ])('shows of %j only %j', async (problem, shown) => {
    const { governor, url } = await startServer();
    const status = { ...governor.status(), ready: false, problems: [problem], warnings: [problem] };
    vi.spyOn(governor, 'status').mockReturnValue(status);
    const ready = await fetch(`${url}/health/ready`);
    expect(await ready.json()).toEqual({
      status: 'not_ready',
      problems: [shown],
      warnings: [shown],
    });
  });
});
