/** Hashes in a full tile and records in a full entry bundle (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;

/** A hash tile's level, or the entry bundles. */
export type TileLevel = number | 'entries';

/** Which tile or entry bundle a file holds, and how many of its 256 members. */
export interface TileFile {
  readonly level: TileLevel;
  readonly index: number;
  readonly width: number;
}

const TILE_PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** The path of a tile below the log's folder, with `/`, as C2SP tlog-tiles writes it. */
export function tilePath(level: TileLevel, index: number, width: number = TILE_WIDTH): string {
  const full = `tile/${level}/${indexPath(index)}`;
  return width === TILE_WIDTH ? full : `${full}.p/${width}`;
}

/** The tile that a path names, or null when no tile has exactly this path. */
export function parseTilePath(path: string): TileFile | null {
  const match = TILE_PATH.exec(path);
  if (match === null) return null;
  const level = match[1] === 'entries' ? 'entries' : Number(match[1]);
  const index = Number((match[2] ?? '').replace(/[x/]/g, ''));
  const width = match[3] === undefined ? TILE_WIDTH : Number(match[3]);
  if (!Number.isSafeInteger(index) || width > TILE_WIDTH) return null;
  if (tilePath(level, index, width) !== path) return null;
  return { level, index, width };
}

/** How many hashes of a level a tree of `size` records has complete. */
export function hashesAtLevel(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

function indexPath(index: number): string {
  let path = threeDigits(index % 1000);
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${threeDigits(rest % 1000)}/${path}`;
  }
  return path;
}

function threeDigits(value: number): string {
  return String(value).padStart(3, '0');
}
