/** How the values of a field lie in the file: a number of variable length, four bytes, or bytes behind their length. */
const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** Seven bits of a number in each byte, the lowest first; the highest bit says that another one follows. */
const LOW_BITS = 0x7f;
const FOLLOWED = 0x80;
const LOW_VALUES = 0x80;

/** Up to here `>>>` takes a number apart; beyond, division does. */
const MAX_UINT32 = 0xffffffff;

/** Longest form of a 64-bit number. */
const MAX_VARINT_BYTES = 10;

/** A character of UTF-16 takes at most so many in UTF-8. */
const MAX_UTF8_BYTES = 3;

/** Graphs of small models have some 100 kB. */
const FIRST_BYTES = 128 * 1024;

/**
 * Writes messages of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/) one field after another, each
 * length in as few bytes as it takes: the same calls give the same bytes.
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** int32, int64, uint32, uint64, enum. @param value A safe integer. */
  integer(field: number, value: number): void {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint((field << 3) | VARINT);
    if (value >= 0) this.#varint(value);
    else this.#negative(value);
  }

  float(field: number, value: number): void {
    this.#reserve(MAX_VARINT_BYTES + 4);
    this.#varint((field << 3) | FIXED32);
    this.#length = this.#bytes.writeFloatLE(value, this.#length);
  }

  text(field: number, value: string): void {
    this.#withLength(field, MAX_UTF8_BYTES * value.length, () => {
      this.#length += this.#bytes.write(value, this.#length);
    });
  }

  bytes(field: number, value: Uint8Array): void {
    this.#withLength(field, value.byteLength, () => {
      this.#bytes.set(value, this.#length);
      this.#length += value.byteLength;
    });
  }

  /** A message inside this one. @param content Writes its fields. */
  message(field: number, content: () => void): void {
    this.#withLength(field, 0, content);
  }

  /** All that was written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @param mostBytes What `content` writes without reserving it. */
  #withLength(field: number, mostBytes: number, content: () => void): void {
    this.#reserve(2 * MAX_VARINT_BYTES + mostBytes);
    this.#varint((field << 3) | BYTES);
    // Most are short: their length has one byte. What is longer is moved up.
    const start = this.#length++;
    content();
    const length = this.#length - start - 1;
    let lengthBytes = 1;
    for (let rest = length; rest >= LOW_VALUES; rest = Math.floor(rest / LOW_VALUES)) lengthBytes++;
    if (lengthBytes > 1) {
      this.#reserve(lengthBytes);
      this.#bytes.copyWithin(start + lengthBytes, start + 1, this.#length);
    }
    this.#length = start;
    this.#varint(length);
    this.#length += length;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > MAX_UINT32; rest = Math.floor(rest / LOW_VALUES))
      this.#bytes[this.#length++] = (rest % LOW_VALUES) | FOLLOWED;
    for (; rest >= LOW_VALUES; rest >>>= 7)
      this.#bytes[this.#length++] = (rest & LOW_BITS) | FOLLOWED;
    this.#bytes[this.#length++] = rest;
  }

  /** As 64 bits in two's complement, whatever the type of the field. */
  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= BigInt(LOW_VALUES); rest >>= 7n)
      this.#bytes[this.#length++] = Number(rest & BigInt(LOW_BITS)) | FOLLOWED;
    this.#bytes[this.#length++] = Number(rest);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.byteLength) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.byteLength, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
