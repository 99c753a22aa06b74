// Changes of bytes, whatever they mean.
import type { Random } from './random.ts';

const interestingBytes = [0, 1, 0x20, 0x22, 0x2c, 0x5b, 0x7b, 0x7f, 0x80, 0xff];

/** Flips, cuts, repeats and overwrites anywhere. */
export function mutateBytes(source: Uint8Array, random: Random): Uint8Array {
  let bytes = Buffer.from(source);
  for (let times = 1 + random.below(4); times > 0 && bytes.length > 0; times--) {
    const at = random.below(bytes.length);
    const length = Math.min(1 + random.below(64), bytes.length - at);
    switch (random.below(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        bytes[at] = random.pick(interestingBytes);
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 4:
        bytes = Buffer.concat([
          bytes.subarray(0, at + length),
          ...Array<Buffer>(1 + random.below(50)).fill(bytes.subarray(at, at + length)),
          bytes.subarray(at + length),
        ]);
        break;
      default:
        for (let i = 0; i < length; i++) bytes[at + i] = random.below(256);
    }
  }
  return bytes;
}
