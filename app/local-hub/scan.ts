import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

/** The Hub keeps files above 10 MB out of git; weights always, whatever their size. */
const LARGE_BYTES = 10 * 1000 * 1000;
const ALWAYS_LARGE = /\.(?:safetensors|bin|gguf|model|onnx|pt|pth)$/;

/** A folder deeper than this is not a repository but somebody's home. */
const MAX_DEPTH = 8;
const MAX_FILES = 10_000;

/** One file of a served repository. */
export interface ServedFile {
  /** Path within the repository, with forward slashes. */
  readonly path: string;
  readonly absolutePath: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** git's name: of the content, or for a large file of the pointer to it. */
  readonly oid: string;
  readonly isLarge: boolean;
}

/** A folder as it is now, as if it were a commit. */
export interface Snapshot {
  /** Derived from names and contents only: the same files are the same commit everywhere. */
  readonly commit: string;
  readonly files: ReadonlyMap<string, ServedFile>;
  readonly modifiedAt: Date;
  /** From the head of README.md; null where it does not say. */
  readonly license: string | null;
}

/** The text that git stores in place of a large file. */
export function lfsPointer(sha256: string, sizeBytes: number): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${sizeBytes}\n`;
}

function gitOid(content: string | Uint8Array): string {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of createReadStream(file)) hash.update(block as Buffer);
  return hash.digest('hex');
}

interface FoundFile {
  readonly path: string;
  readonly absolutePath: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

async function find(root: string, folder: string, depth: number): Promise<FoundFile[]> {
  if (depth > MAX_DEPTH) return [];
  const found: FoundFile[] = [];
  for (const entry of await readdir(path.join(root, folder), { withFileTypes: true })) {
    // Hidden files are notes of programs. Links are not followed: they may lead out of the folder.
    if (entry.name.startsWith('.')) continue;
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await find(root, name, depth + 1)));
    else if (entry.isFile()) {
      const absolutePath = path.join(root, name);
      const { size, mtimeMs } = await stat(absolutePath);
      found.push({ path: name, absolutePath, sizeBytes: size, mtimeMs });
    }
  }
  if (found.length > MAX_FILES)
    throw new Error(`${root} has more than ${MAX_FILES} files: it cannot be a model's folder`);
  return found;
}

function readLicense(readme: string): string | null {
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readme)?.[1];
  const line = head === undefined ? null : /^license:[ \t]*(\S+)[ \t]*$/m.exec(head);
  return line?.[1] ?? null;
}

/** Reads a folder; contents are hashed again only when size or time of a file has changed. */
export class FolderScanner {
  readonly #directory: string;
  readonly #hashed = new Map<string, { readonly stamp: string; readonly file: ServedFile }>();

  constructor(directory: string) {
    this.#directory = path.resolve(directory);
  }

  async scan(): Promise<Snapshot> {
    const files = new Map<string, ServedFile>();
    const commit = createHash('sha1');
    let modifiedMs = 0;
    const found = await find(this.#directory, '', 0);
    found.sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const entry of found) {
      const file = await this.#hash(entry);
      files.set(file.path, file);
      commit.update(`${file.path}\0${file.sizeBytes}\0${file.sha256}\n`);
      modifiedMs = Math.max(modifiedMs, entry.mtimeMs);
    }
    const readme = files.get('README.md');
    return {
      commit: commit.digest('hex'),
      files,
      modifiedAt: new Date(modifiedMs),
      license:
        readme === undefined || readme.isLarge
          ? null
          : readLicense(await readFile(readme.absolutePath, 'utf8')),
    };
  }

  async #hash(found: FoundFile): Promise<ServedFile> {
    const stamp = `${found.sizeBytes}:${found.mtimeMs}`;
    const known = this.#hashed.get(found.path);
    if (known?.stamp === stamp) return known.file;
    const isLarge = found.sizeBytes > LARGE_BYTES || ALWAYS_LARGE.test(found.path);
    const sha256 = await sha256Of(found.absolutePath);
    const file: ServedFile = {
      path: found.path,
      absolutePath: found.absolutePath,
      sizeBytes: found.sizeBytes,
      sha256,
      oid: gitOid(
        isLarge ? lfsPointer(sha256, found.sizeBytes) : await readFile(found.absolutePath),
      ),
      isLarge,
    };
    this.#hashed.set(found.path, { stamp, file });
    return file;
  }
}
