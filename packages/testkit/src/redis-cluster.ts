import { freePort, type RedisServer, startRedis } from './redis-server.ts';

/** Hash slots of a cluster. */
const SLOTS = 16_384;

/** Master nodes that are started. */
const NODES = 3;

/** A cluster is asked this often whether it is up, 50 ms apart. */
const FORM_TRIES = 600;

/** Highest port whose bus port (10,000 above) is a port, too. */
const MAX_NODE_PORT = 55_535;

/** A cluster of three master nodes on loopback ports. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

/** Starts three nodes, gives each a third of the slots, and waits until every node says the cluster is up. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let index = 0; index < NODES; index += 1) nodes.push(await startNode());
    await form(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, urls: nodes.map(({ url }) => url), stop };
}

async function startNode(): Promise<RedisServer> {
  let port = await freePort();
  while (port > MAX_NODE_PORT) port = await freePort();
  return startRedis({ port, cluster: true });
}

async function form(nodes: readonly RedisServer[]): Promise<void> {
  const [first] = nodes;
  for (const [index, node] of nodes.entries()) {
    const from = Math.floor((index * SLOTS) / nodes.length);
    const to = Math.floor(((index + 1) * SLOTS) / nodes.length) - 1;
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  }
  for (const node of nodes.slice(1)) {
    await first?.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
  }
  for (let tries = 0; tries < FORM_TRIES; tries += 1) {
    const states = await Promise.all(nodes.map(isUp));
    if (states.every(Boolean)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the cluster does not form');
}

async function isUp(node: RedisServer): Promise<boolean> {
  const info = String(await node.command('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`);
}
