import { treeHashNow } from '../../native-kernels/index.ts';
import type { SafetensorsWriter, WriteAt } from '../checkpoint/index.ts';
import type { SchemeName } from '../contract/scheme.ts';
import type { Part } from '../formats/index.ts';
import type { PlannedTensor } from './plan.ts';
import { quantizerOf } from './quantize-tensor.ts';

/**
 * The tables that all tensors of a scheme share. They are small and many, and lie side by side in the file: written
 * together, they cost a few writes instead of two per tensor, and one hash each.
 */
export class SharedTables {
  readonly #tables: ReadonlyMap<Part, { readonly bytes: Uint8Array; readonly hash: string }>;

  constructor(scheme: SchemeName) {
    this.#tables = new Map(
      [...quantizerOf(scheme).tables()].map(([part, bytes]) => [
        part,
        { bytes, hash: treeHashNow(bytes) },
      ]),
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
