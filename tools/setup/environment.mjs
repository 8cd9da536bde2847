import { spawnSync } from 'node:child_process';

/** The oldest Node that every dependency supports; `engines` in package.json says the same. */
const OLDEST_NODE = { major: 20, minor: 19 };

/** Returns one sentence about what is missing on this machine, or undefined when all is there. */
export function findMissingPart(nodeVersion = process.versions.node, hasGit = gitAnswers()) {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const recent =
    major > OLDEST_NODE.major || (major === OLDEST_NODE.major && minor >= OLDEST_NODE.minor);
  if (!recent) {
    const wanted = `${OLDEST_NODE.major}.${OLDEST_NODE.minor}`;
    return `Node ${wanted} or newer is needed; this is Node ${nodeVersion}. See https://nodejs.org/`;
  }
  if (!hasGit) return 'git is needed and was not found. See https://git-scm.com/';
  return undefined;
}

function gitAnswers() {
  return spawnSync('git', ['--version'], { stdio: 'ignore' }).status === 0;
}
