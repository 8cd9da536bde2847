import { z } from 'zod';
import { EVIDENCE_DEFAULTS, evidenceConfig } from './evidence-config.ts';
import { GATEWAY_DEFAULTS, gatewayConfig } from './gateway-config.ts';
import { LIMITER_DEFAULTS, limiterConfig } from './limiter-config.ts';

/** Every default of `governance.yaml`, by its place in the file. Units are in the names. */
export const CONFIG_DEFAULTS = Object.freeze({
  /** The folder above `.cortex`. */
  workspace: '..',
  /** How long a failing reload is tolerated for high-risk grants: 5 minutes. */
  grantsMaxStalenessMs: 300_000,
  /** How often the kill switch file is looked at besides the watcher. */
  killSwitchPollMs: 500,
  ...LIMITER_DEFAULTS,
  ...EVIDENCE_DEFAULTS,
  host: '127.0.0.1',
  port: 8004,
  operatorTokenFile: 'runtime/operator.token',
  /** Largest request body: 1 MiB. */
  bodyLimitBytes: 1_048_576,
  /** Entries in one AuthZEN `evaluations` request. */
  maxBatch: 1_000,
  mcpTool: 'mcp',
  tenant: 'default',
  agent: 'local',
  ...GATEWAY_DEFAULTS,
});

const D = CONFIG_DEFAULTS;
const MAX_PORT = 65_535;

const positiveMs = z.int().min(1).max(2_147_483_647);

const tenancy = z
  .strictObject({
    tenants: z
      .array(z.string())
      .default([])
      .describe('Known tenants. Empty: one tenant, `default`.'),
    failClosed: z
      .boolean()
      .default(true)
      .describe(
        'Deny a request without a tenant. When false it counts as tenant `default`, if that is known.',
      ),
    header: z
      .strictObject({
        name: z.string().default('x-tenant-id').describe('Header that names the tenant.'),
        trustedPeers: z
          .array(z.string())
          .default([])
          .describe('Addresses or CIDR blocks whose header is believed.'),
        purposeHeader: z.string().default('x-purpose').describe('Header that names the purpose.'),
      })
      .optional()
      .describe('Tenant from a header of a trusted peer.'),
    tokens: z
      .strictObject({
        jwksFile: z.string().optional().describe('JSON Web Key Set, relative to this folder.'),
        jwksUri: z
          .url()
          .optional()
          .describe('JSON Web Key Set over https (http on loopback only).'),
        issuer: z.string().describe('Required `iss`.'),
        audience: z.string().describe('Required `aud`.'),
        algorithms: z.array(z.string()).optional().describe('Accepted signature algorithms.'),
        tenantClaim: z.string().default('tenant').describe('Claim that names the tenant.'),
        subjectClaim: z.string().default('sub').describe('Claim that names the subject.'),
        clockToleranceSeconds: z
          .int()
          .min(0)
          .max(300)
          .default(5)
          .describe('Clock difference tolerated.'),
      })
      .refine((tokens) => (tokens.jwksFile === undefined) !== (tokens.jwksUri === undefined), {
        message: 'give jwksFile or jwksUri, one of them',
      })
      .optional()
      .describe('Tenant from a verified bearer token.'),
  })
  .prefault({})
  .describe('Whose traffic this is.');

const grants = z
  .strictObject({
    watch: z.boolean().default(true).describe('Take in changed grant files without a restart.'),
    maxStalenessMs: positiveMs
      .nullable()
      .default(D.grantsMaxStalenessMs)
      .describe('How long reloads may fail before high-risk grants stop; null: never.'),
  })
  .prefault({})
  .describe('Tool grants in `policy/tools`.');

const killSwitch = z
  .strictObject({
    watch: z.boolean().default(true).describe('Watch `kill-switch.json`.'),
    pollMs: z
      .int()
      .min(10)
      .max(60_000)
      .default(D.killSwitchPollMs)
      .describe('How often the file is looked at besides.'),
  })
  .prefault({})
  .describe("The operator's stop.");

const server = z
  .strictObject({
    host: z.string().min(1).default(D.host).describe('Address to listen on.'),
    port: z.int().min(0).max(MAX_PORT).default(D.port).describe('Port; 0: any free one.'),
    operatorTokenFile: z
      .string()
      .min(1)
      .default(D.operatorTokenFile)
      .describe('Bearer token of the operator routes, mode 0600; made at the first start.'),
    bodyLimitBytes: z
      .int()
      .min(1_024)
      .max(1_073_741_824)
      .default(D.bodyLimitBytes)
      .describe('Largest body.'),
    maxBatch: z.int().min(1).max(100_000).default(D.maxBatch).describe('Entries in one batch.'),
  })
  .prefault({})
  .describe('The sidecar.');

const mcp = z
  .strictObject({
    tool: z.string().min(1).default(D.mcpTool).describe('Grant that governs the MCP server.'),
    tenant: z.string().min(1).default(D.tenant).describe('Tenant of the calls.'),
    agent: z.string().min(1).default(D.agent).describe('Agent of the calls.'),
  })
  .prefault({})
  .describe('The MCP proxy.');

/** The shape of `.cortex/governance.yaml`. Unknown keys are refused. */
export const governanceConfigSchema = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(1).default(1).describe('Version of this format.'),
  workspace: z.string().min(1).default(D.workspace).describe('What `fsScope` is relative to.'),
  tenancy,
  grants,
  killSwitch,
  limiter: limiterConfig,
  evidence: evidenceConfig,
  server,
  mcp,
  gateway: gatewayConfig,
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Least level logged.'),
    })
    .prefault({})
    .describe('Logs, on stderr.'),
});

/** A checked configuration, defaults filled in. */
export type GovernanceConfig = z.output<typeof governanceConfigSchema>;
