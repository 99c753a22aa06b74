import { codebook, treeHashNow } from '../../native-kernels/index.ts';
import type { SafetensorsWriter, WriteAt } from '../checkpoint/index.ts';
import type { SchemeDescription, SchemeKind } from '../contract/scheme.ts';
import type { Part } from './output-tensors.ts';
import type { PlannedTensor } from './plan.ts';
import { bytesOf } from './quantize-tensor.ts';

/** What is stored beside every tensor of a scheme, the same for all. */
function tablesOf(storage: SchemeKind): Map<Part, Uint8Array> {
  const tables = new Map<Part, Uint8Array>();
  if (storage.kind === '4bit') tables.set('quant_map', bytesOf(codebook(storage.type)));
  if (storage.kind === '4bit' && storage.doubleQuant)
    tables.set('nested_quant_map', bytesOf(codebook('dynamic8')));
  // 0 is the row-major layout, the only one that bitsandbytes still reads.
  if (storage.kind === 'int8-rows') tables.set('weight_format', Uint8Array.of(0));
  return tables;
}

/**
 * The tables that all tensors of a scheme share. They are small and many, and lie side by side in the file: written
 * together, they cost a few writes instead of two per tensor, and one hash each.
 */
export class SharedTables {
  readonly #tables: ReadonlyMap<Part, { readonly bytes: Uint8Array; readonly hash: string }>;

  constructor({ storage }: SchemeDescription) {
    this.#tables = new Map(
      [...tablesOf(storage)].map(([part, bytes]) => [part, { bytes, hash: treeHashNow(bytes) }]),
    );
  }

  /** The tree hash of a part that is such a table. */
  hashOf(part: Part): string | undefined {
    return this.#tables.get(part)?.hash;
  }

  /**
   * Writes the tables of tensors to their places.
   *
   * @param write puts bytes at a position of the file
   */
  async write(
    tensors: readonly PlannedTensor[],
    writer: SafetensorsWriter,
    write: (bytes: Uint8Array, position: number) => ReturnType<WriteAt>,
  ): Promise<void> {
    const places = tensors
      .flatMap(({ outputs }) => outputs)
      .flatMap(({ name, part }) => {
        const table = this.#tables.get(part);
        return table === undefined
          ? []
          : [{ start: writer.place(name).byteOffset, bytes: table.bytes }];
      })
      .sort((a, b) => a.start - b.start);
    let run: Uint8Array[] = [];
    let start = 0;
    let end = 0;
    for (const place of places) {
      if (place.start !== end) {
        await write(Buffer.concat(run), start);
        run = [];
        start = place.start;
      }
      run.push(place.bytes);
      end = place.start + place.bytes.byteLength;
    }
    await write(Buffer.concat(run), start);
  }
}
