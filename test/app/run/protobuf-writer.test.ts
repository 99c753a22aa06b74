import { describe, expect, it } from 'vitest';
import { ProtobufWriter } from '../../../app/run/graph/protobuf-writer.ts';

function written(write: (writer: ProtobufWriter) => void): string {
  const writer = new ProtobufWriter();
  write(writer);
  return Buffer.from(writer.finish()).toString('hex');
}

describe('a writer of Protocol Buffers', () => {
  // 1, 150, "testing" and the message with 150 are the examples of protobuf.dev/programming-guides/encoding.
  it.each([
    [0, '0800'],
    [1, '0801'],
    [150, '089601'],
    [0xffffffff, '08ffffffff0f'],
    [2 ** 32, '088080808010'],
    [Number.MAX_SAFE_INTEGER, '08ffffffffffffff0f'],
    [-1, '08ffffffffffffffffff01'],
    [-150, '08eafeffffffffffffff01'],
  ])('writes the integer %i in as few bytes as it takes', (value, bytes) => {
    expect(written((writer) => writer.integer(1, value))).toBe(bytes);
  });

  it('writes numbers of fields beyond one byte', () => {
    expect(written((writer) => writer.integer(20, 7))).toBe('a00107');
  });

  it('writes texts as UTF-8 behind their length in bytes', () => {
    expect(written((writer) => writer.text(2, 'testing'))).toBe('120774657374696e67');
    expect(written((writer) => writer.text(2, 'ü😀'))).toBe('1206c3bcf09f9880');
    expect(written((writer) => writer.text(2, ''))).toBe('1200');
    const long = 'é'.repeat(100);
    expect(written((writer) => writer.text(2, long))).toBe(
      `12c801${Buffer.from(long).toString('hex')}`,
    );
  });

  it('writes floats and bytes', () => {
    expect(written((writer) => writer.float(2, 1.5))).toBe('150000c03f');
    expect(written((writer) => writer.bytes(9, Uint8Array.of(1, 2, 3)))).toBe('4a03010203');
  });

  it('writes messages within each other, whatever the length of their length', () => {
    expect(
      written((writer) =>
        writer.message(3, () => {
          writer.integer(1, 150);
        }),
      ),
    ).toBe('1a03089601');
    for (const length of [124, 125, 126, 16_378, 16_379, 16_380, 300_000]) {
      const value = 'x'.repeat(length);
      const text = Buffer.from(value).toString('hex');
      const varint = (number: number): string =>
        written((writer) => writer.integer(1, number)).slice(2);
      const inner = `12${varint(length)}${text}0801`;
      expect(
        written((writer) => {
          writer.message(3, () => {
            writer.text(2, value);
            writer.integer(1, 1);
          });
          writer.integer(4, 5);
        }),
      ).toBe(`1a${varint(inner.length / 2)}${inner}2005`);
    }
  });
});
