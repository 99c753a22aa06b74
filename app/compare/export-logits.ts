import { writeSync } from 'node:fs';
import { layoutSafetensors, safetensorsPrefix } from '../checkpoint/index.ts';
import type { Client } from '../contract/rpc.ts';
import type { RunnerApi } from '../contract/runner-api.ts';
import { replaceFileWith } from '../disk/index.ts';

export interface ExportLogitsOptions {
  readonly client: Client<RunnerApi>;
  readonly ids: readonly number[];
  readonly vocabularySize: number;
  /** The safetensors file to write; one that is there is replaced once everything is written. */
  readonly file: string;
  readonly signal?: AbortSignal | undefined;
}

const LOGITS = 'logits';
const INPUT_IDS = 'input_ids';

/** Bytes in the file's order whatever the machine's. */
function idBytes(ids: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(ids.length * BigInt64Array.BYTES_PER_ELEMENT));
  ids.forEach((id, i) => {
    bytes.setBigInt64(i * BigInt64Array.BYTES_PER_ELEMENT, BigInt(id), true);
  });
  return new Uint8Array(bytes.buffer);
}

function writeFullySync(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength;)
    done += writeSync(file, bytes, done, bytes.byteLength - done, position + done);
}

/**
 * Writes what the model thinks of every position of `ids` as safetensors: `logits` float32 [tokens, vocabulary] and
 * `input_ids` int64 [tokens].
 *
 * @throws AppError `aborted`, `disk-full`, and whatever running throws; nothing is left behind then
 */
export async function exportLogits(options: ExportLogitsOptions): Promise<void> {
  const { client, ids, vocabularySize, file, signal } = options;
  const layout = layoutSafetensors(
    [
      { name: LOGITS, dtype: 'F32', shape: [ids.length, vocabularySize] },
      { name: INPUT_IDS, dtype: 'I64', shape: [ids.length] },
    ],
    { format: 'pt' },
  );
  const offsets = new Map(layout.tensors.map(({ name, byteOffset }) => [name, byteOffset ?? 0]));
  await replaceFileWith(file, async (handle) => {
    const output = handle.fd;
    let failed: { error: unknown } | null = null;
    writeFullySync(output, safetensorsPrefix(layout, new Map()), 0);
    writeFullySync(output, idBytes(ids), offsets.get(INPUT_IDS) ?? 0);
    await client.score(
      { ids: [...ids] },
      {
        signal,
        // Written before the next chunk is looked at: chunks that wait for the disk would fill the memory.
        onEvent: ({ firstRow, logits }) => {
          const bytes = new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength);
          const rowBytes = vocabularySize * Float32Array.BYTES_PER_ELEMENT;
          try {
            if (failed === null)
              writeFullySync(output, bytes, (offsets.get(LOGITS) ?? 0) + firstRow * rowBytes);
          } catch (error) {
            failed = { error };
          }
        },
      },
    );
    // The assignment in the callback is invisible to the compiler.
    const caught = failed as { error: unknown } | null;
    if (caught !== null) throw caught.error;
  });
}
