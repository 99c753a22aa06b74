import { open } from 'node:fs/promises';
import path from 'node:path';
import type { TensorInfo } from '../../contract/checkpoint.ts';
import { AppError } from '../../contract/error.ts';
import { HEADER_PREFIX_BYTES, readSafetensorsHeader, safetensorsHeaderBytes } from './header.ts';

/**
 * The tensors of one safetensors file, in the order of their bytes, and where the first of them may begin.
 *
 * @throws AppError `malformed-file`; what the file system throws, as it is
 */
export async function readTensorsOfFile(
  file: string,
): Promise<{ headerEnd: number; tensors: TensorInfo[] }> {
  const name = path.basename(file);
  const handle = await open(file);
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new AppError('malformed-file', `${name} is not a regular file.`);
    const prefix = Buffer.alloc(HEADER_PREFIX_BYTES);
    const { bytesRead } = await handle.read(prefix, 0, prefix.byteLength, 0);
    const length = safetensorsHeaderBytes(prefix.subarray(0, bytesRead), status.size, name);
    const headerEnd = HEADER_PREFIX_BYTES + length;
    const bytes = Buffer.alloc(headerEnd);
    for (let done = 0; done < headerEnd;) {
      const read = await handle.read(bytes, done, headerEnd - done, done);
      if (read.bytesRead === 0)
        throw new AppError('malformed-file', `${name} became shorter while it was read.`);
      done += read.bytesRead;
    }
    const { tensors } = await readSafetensorsHeader(bytes, status.size, name);
    return { headerEnd, tensors };
  } finally {
    await handle.close();
  }
}
