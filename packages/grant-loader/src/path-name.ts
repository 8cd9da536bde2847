/** Last words of a name that make its value a path. */
const PATH_WORDS: ReadonlySet<string> = new Set([
  ...['path', 'paths', 'pathname', 'pathnames', 'fullpath', 'abspath', 'relpath', 'basepath'],
  ...['file', 'files', 'filename', 'filenames', 'filepath', 'filepaths'],
  ...['infile', 'outfile', 'logfile', 'tmpfile', 'tempfile'],
  ...['dir', 'dirs', 'dirname', 'dirpath', 'directory', 'directories', 'folder', 'folders'],
  ...['basedir', 'homedir', 'outdir', 'rootdir', 'subdir', 'tempdir', 'tmpdir', 'workdir'],
  ...['source', 'sources', 'src', 'destination', 'destinations', 'dest', 'dst'],
  ...['target', 'targets', 'cwd', 'pwd', 'root', 'roots'],
]);

/** Words that make a path when `name` or `names` follows, as in `file_name`. */
const NAMED_WORDS: ReadonlySet<string> = new Set(['file', 'dir', 'directory', 'folder', 'path']);

/** Most names whose answer is remembered, and the longest of them in characters: at most about 64 KiB. */
const MAX_JUDGED_NAMES = 1000;
const MAX_JUDGED_LENGTH = 64;

const judged = new Map<string, boolean>();

/**
 * Whether an argument's name says that its value is a path.
 *
 * The name is split into words at everything but letters and digits and where a capital starts a
 * word (`inputPath`, `URLPath`); digits at the end of a word are dropped. It is a path name when the
 * last word is one of the words above, or when the last two are such as `file name`.
 */
export function isPathName(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const isPath = endsInPathWord(name);
  // Names come from callers too: forgetting all of them now and then is enough to stay small.
  if (name.length > MAX_JUDGED_LENGTH) return isPath;
  if (judged.size >= MAX_JUDGED_NAMES) judged.clear();
  judged.set(name, isPath);
  return isPath;
}

function endsInPathWord(name: string): boolean {
  const words = splitWords(name);
  const last = words.at(-1);
  if (last === undefined) return false;
  if (PATH_WORDS.has(last)) return true;
  return (last === 'name' || last === 'names') && NAMED_WORDS.has(words.at(-2) ?? '');
}

function splitWords(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .map((word) => word.replace(/\d+$/, ''))
    .filter((word) => word !== '');
}
