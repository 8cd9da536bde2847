import { governanceConfigSchema } from '@cortex-governance/governor';
import { z } from 'zod';

const INTRODUCTION = `# Configuration

<!-- Generated from packages/governor/src/governance-config.ts by \`npm run docs\`; a test keeps it current. -->

\`.cortex/governance.yaml\`. Everything is optional; without the file every default holds. Unknown keys
are refused, with file, line and column. Paths are relative to the \`.cortex\` folder. Changes take effect
at the next start.
`;

/** The parts of a JSON Schema node that the page shows. */
interface SchemaNode {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  /** Of a map: its values; false where unknown keys are refused. */
  readonly additionalProperties?: SchemaNode | boolean;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** \`docs/reference/configuration.md\`. */
export function renderConfigurationPage(): string {
  const schema = z.toJSONSchema(governanceConfigSchema, { io: 'input' }) as SchemaNode;
  const lines: string[] = [];
  for (const [name, node] of Object.entries(schema.properties ?? {})) {
    if (name !== '$schema') collect(name, node, schema.required?.includes(name) ?? false, lines);
  }
  return `${INTRODUCTION}
| key | type | default | meaning |
|---|---|---|---|
${lines.join('\n')}
`;
}

function collect(path: string, node: SchemaNode, required: boolean, lines: string[]): void {
  if (node.properties !== undefined) {
    lines.push(`| **${path}** | section | | ${node.description ?? ''} |`);
    for (const [name, member] of Object.entries(node.properties)) {
      collect(`${path}.${name}`, member, node.required?.includes(name) ?? false, lines);
    }
    return;
  }
  const value = mapValue(node);
  const standard =
    node.default === undefined
      ? required
        ? 'required'
        : ''
      : `\`${JSON.stringify(node.default)}\``;
  lines.push(`| \`${path}\` | ${typeName(node)} | ${standard} | ${node.description ?? ''} |`);
  for (const [name, member] of Object.entries(value?.properties ?? {})) {
    collect(`${path}.<name>.${name}`, member, value?.required?.includes(name) ?? false, lines);
  }
}

/** What a map holds; undefined for any other node. */
function mapValue({ additionalProperties }: SchemaNode): SchemaNode | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function typeName(node: SchemaNode): string {
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(' or ');
  if (node.anyOf !== undefined) return node.anyOf.map(typeName).join(' or ');
  if (node.type === 'array') return `list of ${typeName(node.items ?? {})}`;
  if (mapValue(node) !== undefined) return 'map';
  const bounds = node.minimum !== undefined && node.maximum !== undefined;
  return bounds ? `${node.type} ${node.minimum}–${node.maximum}` : (node.type ?? 'any');
}
