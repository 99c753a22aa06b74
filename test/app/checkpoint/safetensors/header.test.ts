import { describe, expect, it } from 'vitest';
import {
  parseSafetensorsHeader,
  readSafetensorsHeader,
  safetensorsHeaderBytes,
} from '../../../../app/checkpoint/index.ts';
import { AppError } from '../../../../app/contract/error.ts';
import { encodeSafetensors, tinyTensors } from '../../../fixtures/tiny-checkpoint.ts';

/** A file with the given JSON as its header and `dataBytes` zeros behind it. */
function fileOf(json: string, dataBytes = 0): Uint8Array {
  const data = { name: '', dtype: 'U8', shape: [], bytes: new Uint8Array(dataBytes) };
  return encodeSafetensors([data], json);
}

function refusal(bytes: Uint8Array, fileSize = bytes.byteLength): AppError {
  try {
    parseSafetensorsHeader(bytes, fileSize, 'model.safetensors');
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('The file was accepted.');
}

/** One tensor of four bytes, with parts of its entry replaced. */
function entry(changes: Record<string, unknown>, name = 'a.weight'): string {
  return JSON.stringify({ [name]: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...changes } });
}

describe('parseSafetensorsHeader', () => {
  it('lists the tensors of a sound file in the order of their bytes', () => {
    const tensors = tinyTensors();
    const bytes = encodeSafetensors(tensors);
    const header = parseSafetensorsHeader(bytes, bytes.byteLength, 'model.safetensors');
    expect(header.metadata).toEqual({ format: 'pt' });
    expect(header.tensors.map(({ name }) => name)).toEqual(tensors.map(({ name }) => name));
    for (const [index, tensor] of header.tensors.entries()) {
      const { byteOffset, byteLength } = tensor;
      expect([...bytes.subarray(byteOffset, byteOffset + byteLength)]).toEqual([
        ...(tensors[index]?.bytes ?? []),
      ]);
    }
  });

  it('needs only the header bytes, as a range request returns them', async () => {
    const bytes = encodeSafetensors(tinyTensors());
    const length = safetensorsHeaderBytes(bytes.subarray(0, 8), bytes.byteLength, 'm');
    const header = await readSafetensorsHeader(
      bytes.subarray(0, 8 + length),
      bytes.byteLength,
      'model.safetensors',
    );
    expect(header.tensors).toEqual(
      parseSafetensorsHeader(bytes, bytes.byteLength, 'model.safetensors').tensors,
    );
  });

  it('accepts scalars, empty tensors and spaces behind the header', () => {
    const json = `${JSON.stringify({
      scalar: { dtype: 'U8', shape: [], data_offsets: [0, 1] },
      empty: { dtype: 'F32', shape: [0, 7], data_offsets: [1, 1] },
    })}      `;
    const bytes = fileOf(json, 1);
    expect(parseSafetensorsHeader(bytes, bytes.byteLength, 'm').tensors).toHaveLength(2);
  });

  it('says file, tensor and remedy', () => {
    const error = refusal(fileOf(entry({ dtype: 'F7' }), 4));
    expect(error.code).toBe('malformed-file');
    expect(error.message).toContain('model.safetensors');
    expect(error.message).toContain('a.weight');
    expect(error.remedy).toContain('download it again');
  });

  it('refuses a file shorter than the length field', () => {
    expect(refusal(new Uint8Array(7)).message).toContain('7 bytes');
  });

  it('refuses a header longer than the file', () => {
    const bytes = fileOf(entry({}), 4);
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, 5_000n, true);
    expect(refusal(bytes).message).toContain('claims 5000 bytes');
  });

  it('refuses a header longer than any real one before anything is read', () => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, 99_000_000n, true);
    expect(() => safetensorsHeaderBytes(bytes, 2 ** 40, 'm')).toThrow('33554432');
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 64n - 1n, true);
    expect(() => safetensorsHeaderBytes(bytes, 2 ** 40, 'm')).toThrow('18446744073709551615');
  });

  it('refuses a file that was cut short, naming the tensor', () => {
    const bytes = encodeSafetensors(tinyTensors());
    const error = refusal(bytes.subarray(0, bytes.byteLength - 1));
    expect(error.message).toContain('model.norm.weight');
    expect(error.message).toContain('cut short');
  });

  it('refuses bytes behind the last tensor', () => {
    expect(refusal(fileOf(entry({}), 5)).message).toContain('its tensors end');
  });

  it('refuses what is not JSON, not UTF-8 or not an object', () => {
    expect(refusal(fileOf('{"a": ', 0)).message).toContain('not JSON');
    expect(refusal(fileOf('[1]')).message).toContain('not a JSON object');
    expect(refusal(fileOf('\uFEFF{}')).message).toContain('brace');
    const bytes = fileOf('{"a":1}');
    bytes[10] = 0xff;
    expect(refusal(bytes).message).toContain('not JSON');
  });

  it('refuses a name that stands twice, however it is spelled', () => {
    const one = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
    expect(refusal(fileOf(`{"a":${one},"a":${one}}`, 4)).message).toContain('"a" twice');
    expect(refusal(fileOf(`{"a":${one},"\\u0061":${one}}`, 4)).message).toContain('"a" twice');
    const inner = '{"dtype":"F32","dtype":"U8","shape":[1],"data_offsets":[0,4]}';
    expect(refusal(fileOf(`{"a":${inner}}`, 4)).message).toContain('"dtype" twice');
    expect(refusal(fileOf(`{"a:":${one},"a:" : ${one}}`, 4)).message).toContain('"a:" twice');
  });

  it('takes names with colons, quotes and braces', () => {
    const json = JSON.stringify({
      __metadata__: { 'a": {"': '":"', '': ':[{' },
      'a:"{\\': { dtype: 'U8', shape: [4], data_offsets: [0, 4] },
    });
    const { tensors } = parseSafetensorsHeader(fileOf(json, 4), fileOf(json, 4).byteLength, 'file');
    expect(tensors.map(({ name }) => name)).toEqual(['a:"{\\']);
  });

  it('refuses tensors that overlap', () => {
    const json = JSON.stringify({
      a: { dtype: 'U8', shape: [4], data_offsets: [0, 4] },
      b: { dtype: 'U8', shape: [4], data_offsets: [2, 6] },
    });
    expect(refusal(fileOf(json, 6)).message).toContain('tensor b overlaps tensor a');
  });

  it('refuses a hole between tensors', () => {
    const json = JSON.stringify({
      a: { dtype: 'U8', shape: [4], data_offsets: [0, 4] },
      b: { dtype: 'U8', shape: [4], data_offsets: [5, 9] },
    });
    expect(refusal(fileOf(json, 9)).message).toContain('hole between tensor a and tensor b');
  });

  it('refuses offsets beyond the file', () => {
    const json = JSON.stringify({ a: { dtype: 'U8', shape: [400], data_offsets: [0, 400] } });
    expect(refusal(fileOf(json, 4)).message).toContain('cut short');
  });

  it.each([
    ['a product beyond exact numbers', [2 ** 40, 2 ** 40]],
    ['an absurd size beside a zero', [2 ** 40, 2 ** 40, 0]],
    ['a negative size', [-1]],
    ['a fraction', [1.5]],
    ['text', ['4']],
    ['too many dimensions', [1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ['no list', 4],
    ['null', null],
  ])('refuses a shape with %s', (_, shape) => {
    expect(refusal(fileOf(entry({ shape }), 4)).message).toContain('a.weight');
  });

  it.each([
    ['of a different size than type and shape', [0, 8]],
    ['that run backwards', [4, 0]],
    ['that are negative', [-4, 0]],
    ['that are not two', [0, 4, 8]],
    ['that are no numbers', ['0', '4']],
    ['that are missing', undefined],
  ])('refuses offsets %s', (_, offsets) => {
    expect(refusal(fileOf(entry({ data_offsets: offsets }), 8)).message).toContain('a.weight');
  });

  it.each(['F4', 'f32', '', null, 7, 'toString'])('refuses the type %j', (dtype) => {
    expect(refusal(fileOf(entry({ dtype }), 4)).message).toContain('unknown type');
  });

  it.each([
    ['empty', ''],
    ['absurdly long', 'x'.repeat(513)],
    ['a reserved word', '__proto__'],
    ['a reserved word', 'constructor'],
    ['an escape sequence', 'a\u001b[31m'],
    ['a line break', 'a\nb'],
  ])('refuses a name that is %s', (_, name) => {
    const one = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
    const error = refusal(fileOf(`{${JSON.stringify(name)}:${one}}`, 4));
    expect(error.message).toContain('cannot be called');
    expect(error.message.length).toBeLessThan(400);
  });

  it.each(['1.0', '1e0', '-0', '1E0'])('refuses the size %s, as the reference does', (size) => {
    const json = `{"a.weight":{"dtype":"F32","shape":[${size}],"data_offsets":[0,4]}}`;
    expect(refusal(fileOf(json, 4)).message).toContain('a.weight');
    const offsets = `{"a.weight":{"dtype":"U8","shape":[0],"data_offsets":[${size},${size}]}}`;
    expect(refusal(fileOf(offsets, 1)).message).toContain('a.weight');
  });

  it.each(['\\ud800', 'x\\udfff', '\\udc00\\ud800'])('refuses the half character %s', (half) => {
    const one = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
    expect(refusal(fileOf(`{"${half}":${one}}`)).reason).toBe('not-json');
    expect(refusal(fileOf(`{"__metadata__":{"a":"${half}"}}`)).reason).toBe('not-json');
  });

  it('takes a whole character that is spelled as two halves', () => {
    const json = '{"\\ud83d\\ude00":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}';
    const bytes = fileOf(json);
    const { tensors } = parseSafetensorsHeader(bytes, bytes.byteLength, 'm.safetensors');
    expect(tensors[0]?.name).toBe('\u{1f600}');
  });

  it('says of a pointer of Git LFS that the file itself was not downloaded', () => {
    const text = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n';
    const error = refusal(new TextEncoder().encode(text));
    expect([error.reason, error.facts]).toEqual(['lfs-pointer', { file: 'model.safetensors' }]);
  });

  it('refuses a tensor that is not described by an object', () => {
    expect(refusal(fileOf('{"a":[1]}')).message).toContain('tensor a');
  });

  it('refuses metadata that is not text', () => {
    expect(refusal(fileOf('{"__metadata__":{"a":1}}')).message).toContain('__metadata__');
    expect(refusal(fileOf('{"__metadata__":[]}')).message).toContain('__metadata__');
  });
});
