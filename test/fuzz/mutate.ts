// Changes of files that a stranger could make. Each takes the bytes of a sound file and returns others.
import { mutateTemplate } from './mutate-template.ts';
import { mutateBytes } from './mutate-bytes.ts';
import type { Random } from './random.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const bytesOf = (value: string): Uint8Array => Buffer.from(value, 'utf8');

const interestingNumbers = [
  -1,
  0,
  1,
  2,
  3,
  7,
  31,
  255,
  256,
  4095,
  65_535,
  65_536,
  0.5,
  -0,
  1e-45,
  1e308,
  -1e308,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
  2 ** 64,
];

/** Words of the formats, and texts that have troubled parsers. */
const interestingTexts = [
  '',
  ' ',
  '\0',
  '\uFDD0',
  '\uD800',
  '\u{1F600}',
  '../x',
  '/etc/passwd',
  'a'.repeat(5000),
  '(a+)+$',
  '(.*)*x',
  '[',
  '\\p{L}+',
  '(?:(?:a|a)*)*$',
  '<s>',
  '</s>',
  '▁',
  'Ġ',
  '##',
  '[UNK]',
  'BPE',
  'Unigram',
  'WordPiece',
  'WordLevel',
  'ByteLevel',
  'Metaspace',
  'Sequence',
  'Replace',
  'Split',
  'Strip',
  'Fuse',
  'Digits',
  'TemplateProcessing',
  'NFKC',
  'Prepend',
  'ByteFallback',
  'F64',
  'F32',
  'F16',
  'BF16',
  'I64',
  'U8',
  'I8',
  'BOOL',
  'F8_E4M3',
  'llama',
  'mistral',
  'qwen2',
  'qwen3',
  'LlamaForCausalLM',
  'silu',
  'yarn',
  'llama3',
  'linear',
  'nf4',
  'fp4',
  'bitsandbytes',
  'float32',
  '__proto__',
  'constructor',
  'NaN',
  '1e999',
];

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

function interesting(random: Random): Json {
  switch (random.below(7)) {
    case 0:
      return random.pick(interestingNumbers);
    case 1:
      return random.pick(interestingTexts);
    case 2:
      return random.pick([null, true, false]);
    case 3:
      return [];
    case 4:
      return {};
    case 5: {
      let nested: Json = random.below(2);
      for (let depth = random.pick([2, 50, 3000]); depth > 0; depth--) nested = [nested];
      return nested;
    }
    default:
      return Array<Json>(random.pick([2, 100, 20_000])).fill(random.pick([0, 'a', []]));
  }
}

interface Place {
  readonly holder: Json[] | { [key: string]: Json };
  readonly key: number | string;
}

/** Some place in the tree; deep ones are as likely as shallow ones. */
function somePlace(root: Json, random: Random): Place | null {
  let place: Place | null = null;
  for (let value = root; typeof value === 'object' && value !== null;) {
    const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
    if (keys.length === 0) break;
    const key = random.pick<number | string>(keys);
    place = { holder: value, key };
    if (random.oneIn(3)) break;
    value = Array.isArray(value) ? (value[Number(key)] ?? null) : (value[key] ?? null);
  }
  return place;
}

function valueAt({ holder, key }: Place): Json {
  return (Array.isArray(holder) ? holder[Number(key)] : holder[key]) ?? null;
}

function put({ holder, key }: Place, value: Json): void {
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else
    Object.defineProperty(holder, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
}

/** Changes values of a JSON tree in place. */
function mutateTree(root: Json, random: Random): Json {
  for (let times = 1 + random.below(3); times > 0; times--) {
    const place = somePlace(root, random);
    if (place === null) return interesting(random);
    const value = valueAt(place);
    switch (random.below(6)) {
      case 0:
        if (Array.isArray(place.holder)) place.holder.splice(Number(place.key), 1);
        else Reflect.deleteProperty(place.holder, place.key);
        break;
      case 1: {
        const other = somePlace(root, random);
        if (other === null) break;
        // A copy: a tree that holds itself could not be written.
        put(place, structuredClone(valueAt(other)));
        break;
      }
      case 2:
        if (typeof value === 'number')
          put(place, value + random.pick([-1, 1, 2, -2 * value, value, 0.5, 1e9]));
        else if (typeof value === 'string')
          put(place, value.slice(random.below(value.length + 1)) + random.pick(interestingTexts));
        else put(place, interesting(random));
        break;
      case 3:
        if (!Array.isArray(place.holder))
          put({ holder: place.holder, key: random.pick(interestingTexts) }, value);
        else place.holder.push(structuredClone(value));
        break;
      default:
        put(place, interesting(random));
    }
  }
  return root;
}

/** JSON that is still JSON, most of the time. */
export function mutateJson(source: Uint8Array, random: Random): Uint8Array {
  if (random.oneIn(5)) return mutateBytes(source, random);
  const tree = mutateTree(JSON.parse(text(source)) as Json, random);
  let written = JSON.stringify(tree);
  // What JSON.stringify never writes, and Python does.
  if (random.oneIn(10))
    written = written.replace(/:\d+/, random.pick([':NaN', ':Infinity', ':1e999', ':01', ':-0']));
  if (random.oneIn(20)) written = written.replace(/"(\w+)":/, '"$1":0,"$1":');
  return bytesOf(written);
}

/** A safetensors file with another header, other bytes in its tensors, or another end. */
export function mutateSafetensors(source: Uint8Array, random: Random): Uint8Array {
  const file = Buffer.from(source);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = file.subarray(8, 8 + headerBytes);
  const data = file.subarray(8 + headerBytes);
  switch (random.below(8)) {
    case 0:
      return mutateBytes(file, random);
    case 1:
      return file.subarray(0, random.below(file.length));
    case 2:
      return Buffer.concat([file.subarray(0, 8 + headerBytes), mutateBytes(data, random)]);
    case 3:
    case 4: {
      // A small tensor: scales, maps and descriptions of quantization are.
      const tensors = Object.values(
        JSON.parse(text(header)) as Record<string, { data_offsets?: [number, number] }>,
      ).flatMap(({ data_offsets }) => (data_offsets === undefined ? [] : [data_offsets]));
      const small = tensors.filter(([begin, end]) => end > begin && end - begin < 2048);
      const [begin, end] = random.pick(small.length > 0 ? small : tensors);
      const part = data.subarray(begin, end);
      const changed = part[0] === 0x7b ? mutateJson(part, random) : mutateBytes(part, random);
      // It keeps its place: what is longer is cut, what is shorter is filled.
      Buffer.from(changed).copy(part.fill(0x20), 0, 0, part.length);
      return file;
    }
    default: {
      const changed = mutateJson(header, random);
      const length = Buffer.alloc(8);
      const claimed = random.oneIn(8) ? random.pick(interestingNumbers) : changed.length;
      length.writeBigUInt64LE(BigInt.asUintN(64, BigInt(Math.trunc(claimed))));
      return Buffer.concat([length, changed, data]);
    }
  }
}

/** A graph whose places, sizes and names are others: digits are changed where they stand, so that its lengths stay. */
export function mutateGraph(source: Uint8Array, random: Random): Uint8Array {
  if (random.oneIn(4)) return mutateBytes(source, random);
  const graph = Buffer.from(source);
  const places = [...graph.toString('latin1').matchAll(/\d+ [A-Z]+\d+ [\d ]+\//g)];
  if (places.length === 0) return mutateBytes(source, random);
  for (let times = 1 + random.below(3); times > 0; times--) {
    const place = random.pick(places);
    const at = place.index + random.below(place[0].length - 1);
    graph[at] = random.pick([...Buffer.from('0123456789 -./FUIB')]);
  }
  return graph;
}

/** The change that fits a file by its name. */
export function mutateFile(name: string, source: Uint8Array, random: Random): Uint8Array {
  if (name.endsWith('.safetensors')) return mutateSafetensors(source, random);
  if (name.endsWith('.json')) return mutateJson(source, random);
  if (name.endsWith('.jinja')) return mutateTemplate(source, random);
  if (name.endsWith('.onnx')) return mutateGraph(source, random);
  return mutateBytes(source, random);
}
