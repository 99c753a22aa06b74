import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { knownModels } from '../app/models/index.ts';

/** Where each kind of knowledge lives: what has a room of its own stands nowhere else in the product. */

const root = fileURLToPath(new URL('..', import.meta.url));

/** Product code, by its path from the root. */
function sources(extensions: RegExp): string[] {
  return ['app', 'main', 'renderer', 'native-kernels'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && extensions.test(entry.name))
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .map((file) => file.split(path.sep).join('/'))
      .filter((file) => !/^native-kernels\/build/.test(file)),
  );
}

/** The files that name one of `words` in quotes, outside of the rooms. */
function strays(files: readonly string[], words: readonly string[], rooms: RegExp): string[] {
  const quoted = new RegExp(`['"\`](?:${words.join('|')})['"\`]`);
  return files.filter(
    (file) => !rooms.test(file) && quoted.test(readFileSync(path.join(root, file), 'utf8')),
  );
}

describe('a model family', () => {
  it('is named in app/models alone', () => {
    const names = [...knownModels.values()].flatMap(({ modelType, className }) => [
      modelType,
      className,
    ]);
    expect(strays(sources(/\.(?:tsx?|mjs)$/), names, /^app\/models\//)).toEqual([
      // Which tokens a tokenizer class adds; tokenizer_config.json may name none, or a wrong one.
      'app/run/template/special-tokens.ts',
    ]);
  });
});

describe('an instruction set', () => {
  it('is listed in isas.def alone', () => {
    const table = readFileSync(path.join(root, 'native-kernels/isas.def'), 'utf8');
    const names = [...table.matchAll(/^ISA\((\w+)/gm)].map(([, name = '']) => name);
    expect(names).toContain('avx2');
    // The reference is no instruction set of a processor; other files use the word for other things.
    const sets = names.filter((name) => name !== 'reference');
    expect(strays(sources(/\.(?:tsx?|mjs)$/), sets, /^$/)).toEqual([]);
    const codes = sources(/\.(?:cpp|h)$/);
    const listed = codes.filter((file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      return sets.every((name) => new RegExp(`"${name}"`).test(text));
    });
    expect(listed).toEqual([]);
  });
});
