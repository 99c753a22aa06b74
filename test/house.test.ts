import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { dtypeBytes } from '../app/contract/checkpoint.ts';
import { schemeDescriptionSchema } from '../app/contract/scheme.ts';
import { countsAsWeight, weightFormats } from '../app/formats/index.ts';
import { knownModels } from '../app/models/index.ts';
import { schemes as german } from '../renderer/texts/de/schemes.ts';
import { schemes as english } from '../renderer/texts/en/schemes.ts';
import { textKey } from '../renderer/texts/text-key.ts';
import { knownSchemes, schemeNames } from './fixtures/known-schemes.ts';

/** Rooms where schemes may be named; `bf16` and `int8` are types of numbers elsewhere too. */
const ROOMS_OF_FORMATS = /^(?:app\/formats|renderer\/texts|native-kernels)\//;

function numelOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

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
    const names = knownModels().flatMap(({ modelType, className }) => [modelType, className]);
    expect(strays(sources(/\.(?:tsx?|mjs)$/), names, /^app\/models\//)).toEqual([
      // Which tokens a tokenizer class adds; tokenizer_config.json may name none, or a wrong one.
      'app/run/template/special-tokens.ts',
    ]);
  });
});

describe('a format', () => {
  it('is named in app/formats alone', () => {
    // Texts have keys of their own; migrations speak of what was stored then.
    expect(strays(sources(/\.(?:tsx?|mjs)$/), schemeNames, ROOMS_OF_FORMATS)).toEqual([
      // What versions before 0.1 stored of their progress.
      'app/catalog/old-steps.ts',
      // Not the schemes of these names, but the tables of levels that bitsandbytes calls so.
      'app/run/graph/contrib-weights.ts',
      'app/run/graph/linear.ts',
      'app/run/graph/quant-state.ts',
    ]);
  });

  it.each([
    ['English', english],
    ['German', german],
  ])('has words in %s', (_language, { formats }) => {
    const missing = schemeNames.filter((name) => !Object.hasOwn(formats, textKey(name)));
    expect(missing).toEqual([]);
  });

  it('is described, and needs no more than one layout and one reader', () => {
    for (const format of weightFormats) {
      const { name, bits, bitsPerWeight, blockSizes, quantizer } = format;
      expect(schemeDescriptionSchema.parse(knownSchemes.get(name)).name).toBe(name);
      for (const size of blockSizes) expect(bitsPerWeight(size), name).toBeGreaterThanOrEqual(bits);
      expect(bitsPerWeight(null), name).toBeGreaterThanOrEqual(bits);
      if (quantizer === null) continue;
      const matrix = { name: 'm.weight', dtype: 'BF16' } as const;
      const source = {
        ...matrix,
        shape: [8192, 8192],
        file: 'f',
        byteOffset: 0,
        byteLength: 2 * 8192 * 8192,
      };
      const block = blockSizes[0] ?? null;
      const stored = quantizer
        .outputs(source, 'BF16', block)
        .filter(({ part }) => countsAsWeight(part))
        .reduce((sum, { dtype, shape }) => sum + dtypeBytes[dtype] * numelOf(shape), 0);
      // Rows' own scales are next to nothing in a large matrix.
      expect((8 * stored) / 8192 ** 2, name).toBeCloseTo(bitsPerWeight(block), 2);
    }
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

describe('native kernels', () => {
  it('share through base/ what the plain code and the fast paths both need', () => {
    const rooms = ['base', 'reference', 'cpu'];
    /** Which of these rooms each one includes. */
    const includes = Object.fromEntries(
      rooms.map((room) => {
        const found = sources(/\.(?:cpp|h)$/)
          .filter((file) => file.startsWith(`native-kernels/${room}/`))
          .map((file) => readFileSync(path.join(root, file), 'utf8'))
          .flatMap((text) => [...text.matchAll(/^#include "(\w+)\//gm)])
          .flatMap(([, name = '']) => (rooms.includes(name) && name !== room ? [name] : []));
        return [room, [...new Set(found)]];
      }),
    );
    expect(includes).toEqual({ base: [], reference: ['base'], cpu: ['base'] });
  });
});

describe('product code', () => {
  /** The modules of ours that each module imports, types included. */
  function importGraph(): ReadonlyMap<string, readonly string[]> {
    const files = sources(/\.(?:tsx?|mjs)$/);
    const known = new Set(files);
    return new Map(
      files.map((file) => {
        const text = readFileSync(path.join(root, file), 'utf8');
        const found = ts
          .preProcessFile(text, true, true)
          .importedFiles.map(({ fileName }) => fileName)
          .filter((name) => name.startsWith('.'))
          .map((name) => path.posix.join(path.posix.dirname(file), name));
        return [file, found.filter((name) => known.has(name))];
      }),
    );
  }

  it('has no circles of imports', () => {
    const graph = importGraph();
    // What is left when modules that import nothing of the rest are taken away, over and over, runs in circles.
    const left = new Map(graph);
    for (let before = -1; before !== left.size;) {
      before = left.size;
      for (const [file, imports] of left)
        if (!imports.some((imported) => left.has(imported))) left.delete(file);
    }
    // Those that lead to a circle and are no part of one are imported by nothing that is left.
    for (let before = -1; before !== left.size;) {
      before = left.size;
      const imported = new Set([...left.keys()].flatMap((file) => left.get(file) ?? []));
      for (const file of left.keys()) if (!imported.has(file)) left.delete(file);
    }
    expect([...left.keys()]).toEqual([]);
  });

  it('has no file of more than 600 lines', () => {
    const long = sources(/\.(?:tsx?|mjs|cpp|h|cu)$/).filter(
      (file) => readFileSync(path.join(root, file), 'utf8').split('\n').length > 601,
    );
    expect(long).toEqual([]);
  });

  it('has no folder of more than 25 files', () => {
    const sizes = new Map<string, number>();
    for (const file of sources(/\.(?:tsx?|mjs|cpp|h|cu)$/)) {
      const folder = path.posix.dirname(file);
      sizes.set(folder, (sizes.get(folder) ?? 0) + 1);
    }
    expect([...sizes].filter(([, count]) => count > 25)).toEqual([]);
  });

  it('has READMEs of no more than 60 lines', () => {
    const folders = ['app', 'main', 'renderer', 'native-kernels', 'test'];
    const files = folders.flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
        .map((name) => `${folder}/${name.split(path.sep).join('/')}`)
        .filter((name) => name.endsWith('/README.md') && !/node_modules|\/build/.test(name)),
    );
    const long = ['README.md', ...files].filter(
      (file) => readFileSync(path.join(root, file), 'utf8').trimEnd().split('\n').length > 60,
    );
    // The card of a model, as the hub shows it.
    expect(long).toEqual(['app/sample/model/README.md']);
  });

  it('has none of the names that its field has other words for', () => {
    // Ours until they were replaced: docs/decisions and house rules say by what.
    const words =
      /companion|\bpartings?\b|\bspeaker\b|DeviceWish|withRoom|KeptMemory|\bshelf\b|\btall(?:y|ies)\b|owner mark|\bbury\b|runtime head|weights ahead|last words/i;
    const found = sources(/\.(?:tsx?|mjs|cpp|h|cu|css)$/).filter(
      (file) => words.test(file) || words.test(readFileSync(path.join(root, file), 'utf8')),
    );
    expect(found).toEqual([]);
  });
});
