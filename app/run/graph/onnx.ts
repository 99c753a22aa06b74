import { ProtobufWriter } from './protobuf-writer.ts';

/**
 * The part of the ONNX file format that our graphs use. Field numbers, types and enumeration values are those of the
 * ONNX specification (onnx.proto, IR version 10, proto2: a zero that is written down is on the wire, too). Fields are
 * written one by one, in the order of their numbers.
 */

/** Element types of TensorProto.DataType. */
export const elementTypes = {
  F32: 1,
  U8: 2,
  I8: 3,
  I32: 6,
  I64: 7,
  F16: 10,
  BF16: 16,
} as const;
export type ElementType = keyof typeof elementTypes;

/** TensorProto.DataLocation: the bytes lie in another file. */
const EXTERNAL = 1;

/** AttributeProto.AttributeType. */
const attributeTypes = { float: 1, int: 2, text: 3, ints: 7 } as const;

/** The IR version that belongs to operator set 21. */
const IR_VERSION = 10;
const STANDARD_OPSET = 21;

/** Integers and floats are different attribute types in ONNX, and a JavaScript number does not tell which it is. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] };

export interface OnnxNode {
  readonly operator: string;
  /** Empty for standard ONNX. */
  readonly domain: string;
  readonly name: string;
  /** An empty name stands for an optional input that is not given. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface OnnxInitializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Either the bytes themselves, or where they lie: a bare file name beside the graph, in bytes. */
  readonly data:
    | { readonly bytes: Uint8Array }
    | { readonly file: string; readonly byteOffset: number; readonly byteLength: number };
}

/** A graph input or output; a string dimension is symbolic. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[];
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Versions of the operator domains beside the standard one. */
  readonly domains: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** StringStringEntryProto, one for each. */
function writeEntries(
  writer: ProtobufWriter,
  field: number,
  record: Readonly<Record<string, string>>,
): void {
  for (const [key, value] of Object.entries(record))
    writer.message(field, () => {
      writer.text(1, key);
      writer.text(2, value);
    });
}

/** AttributeProto. */
function writeAttribute(writer: ProtobufWriter, name: string, attribute: Attribute): void {
  writer.text(1, name);
  let type: number;
  if ('float' in attribute) {
    type = attributeTypes.float;
    writer.float(2, attribute.float);
  } else if ('int' in attribute) {
    type = attributeTypes.int;
    writer.integer(3, attribute.int);
  } else if ('text' in attribute) {
    type = attributeTypes.text;
    writer.text(4, attribute.text);
  } else {
    type = attributeTypes.ints;
    for (const value of attribute.ints) writer.integer(8, value);
  }
  writer.integer(20, type);
}

/** NodeProto. */
function writeNode(writer: ProtobufWriter, node: OnnxNode): void {
  for (const input of node.inputs) writer.text(1, input);
  for (const output of node.outputs) writer.text(2, output);
  writer.text(3, node.name);
  writer.text(4, node.operator);
  for (const [name, attribute] of Object.entries(node.attributes))
    writer.message(5, () => {
      writeAttribute(writer, name, attribute);
    });
  writer.text(7, node.domain);
}

/** TensorProto. */
function writeInitializer(
  writer: ProtobufWriter,
  { name, type, dims, data }: OnnxInitializer,
): void {
  for (const size of dims) writer.integer(1, size);
  writer.integer(2, elementTypes[type]);
  writer.text(8, name);
  if ('bytes' in data) {
    writer.bytes(9, data.bytes);
    return;
  }
  const { file, byteOffset, byteLength } = data;
  const place = { location: file, offset: String(byteOffset), length: String(byteLength) };
  writeEntries(writer, 13, place);
  writer.integer(14, EXTERNAL);
}

/** ValueInfoProto, with TypeProto, TypeProto.Tensor, TensorShapeProto and its Dimension inside. */
function writeValue(writer: ProtobufWriter, { name, type, dims }: OnnxValue): void {
  writer.text(1, name);
  writer.message(2, () => {
    writer.message(1, () => {
      writer.integer(1, elementTypes[type]);
      writer.message(2, () => {
        for (const size of dims)
          writer.message(1, () => {
            if (typeof size === 'number') writer.integer(1, size);
            else writer.text(2, size);
          });
      });
    });
  });
}

/** GraphProto. */
function writeGraph(writer: ProtobufWriter, model: OnnxModel): void {
  for (const node of model.nodes)
    writer.message(1, () => {
      writeNode(writer, node);
    });
  writer.text(2, 'nibble');
  for (const initializer of model.initializers)
    writer.message(5, () => {
      writeInitializer(writer, initializer);
    });
  for (const [field, values] of [
    [11, model.inputs],
    [12, model.outputs],
  ] as const)
    for (const value of values)
      writer.message(field, () => {
        writeValue(writer, value);
      });
}

/** The bytes of an .onnx file. The same model gives the same bytes, always. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const writer = new ProtobufWriter();
  writer.integer(1, IR_VERSION);
  writer.text(2, 'nibble');
  writer.message(7, () => {
    writeGraph(writer, model);
  });
  for (const [domain, version] of Object.entries({ '': STANDARD_OPSET, ...model.domains }))
    writer.message(8, () => {
      writer.text(1, domain);
      writer.integer(2, version);
    });
  writeEntries(writer, 14, model.metadata);
  return writer.finish();
}
