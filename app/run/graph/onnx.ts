import protobuf from 'protobufjs/minimal.js';
import type { Writer } from 'protobufjs/minimal.js';

/**
 * The part of the ONNX file format that our graphs use. Field numbers, types and enumeration values are those of the
 * ONNX specification (onnx.proto, IR version 10, proto2: a zero that is written down is on the wire, too). Fields are
 * written one by one, in the order of their numbers: compiling a schema at run time would take longer than the rest of
 * building a graph.
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

/** How the values of a field lie in the file: a number of variable length, four bytes, or bytes behind their length. */
const wire = { varint: 0, bytes: 2, fixed32: 5 } as const;

const tag = (field: number, type: keyof typeof wire): number => (field << 3) | wire[type];

function writeInteger(writer: Writer, field: number, value: number): void {
  writer.uint32(tag(field, 'varint')).int64(value);
}

function writeText(writer: Writer, field: number, value: string): void {
  writer.uint32(tag(field, 'bytes')).string(value);
}

/** A message inside another one. */
function writeMessage(writer: Writer, field: number, content: () => void): void {
  writer.uint32(tag(field, 'bytes')).fork();
  content();
  writer.ldelim();
}

/** StringStringEntryProto, one for each. */
function writeEntries(
  writer: Writer,
  field: number,
  record: Readonly<Record<string, string>>,
): void {
  for (const [key, value] of Object.entries(record))
    writeMessage(writer, field, () => {
      writeText(writer, 1, key);
      writeText(writer, 2, value);
    });
}

/** AttributeProto. */
function writeAttribute(writer: Writer, name: string, attribute: Attribute): void {
  writeText(writer, 1, name);
  let type: number;
  if ('float' in attribute) {
    type = attributeTypes.float;
    writer.uint32(tag(2, 'fixed32')).float(attribute.float);
  } else if ('int' in attribute) {
    type = attributeTypes.int;
    writeInteger(writer, 3, attribute.int);
  } else if ('text' in attribute) {
    type = attributeTypes.text;
    writeText(writer, 4, attribute.text);
  } else {
    type = attributeTypes.ints;
    for (const value of attribute.ints) writeInteger(writer, 8, value);
  }
  writeInteger(writer, 20, type);
}

/** NodeProto. */
function writeNode(writer: Writer, node: OnnxNode): void {
  for (const input of node.inputs) writeText(writer, 1, input);
  for (const output of node.outputs) writeText(writer, 2, output);
  writeText(writer, 3, node.name);
  writeText(writer, 4, node.operator);
  for (const [name, attribute] of Object.entries(node.attributes))
    writeMessage(writer, 5, () => {
      writeAttribute(writer, name, attribute);
    });
  writeText(writer, 7, node.domain);
}

/** TensorProto. */
function writeInitializer(writer: Writer, { name, type, dims, data }: OnnxInitializer): void {
  for (const size of dims) writeInteger(writer, 1, size);
  writeInteger(writer, 2, elementTypes[type]);
  writeText(writer, 8, name);
  if ('bytes' in data) {
    writer.uint32(tag(9, 'bytes')).bytes(data.bytes);
    return;
  }
  const { file, byteOffset, byteLength } = data;
  const place = { location: file, offset: String(byteOffset), length: String(byteLength) };
  writeEntries(writer, 13, place);
  writeInteger(writer, 14, EXTERNAL);
}

/** ValueInfoProto, with TypeProto, TypeProto.Tensor, TensorShapeProto and its Dimension inside. */
function writeValue(writer: Writer, { name, type, dims }: OnnxValue): void {
  writeText(writer, 1, name);
  writeMessage(writer, 2, () => {
    writeMessage(writer, 1, () => {
      writeInteger(writer, 1, elementTypes[type]);
      writeMessage(writer, 2, () => {
        for (const size of dims)
          writeMessage(writer, 1, () => {
            if (typeof size === 'number') writeInteger(writer, 1, size);
            else writeText(writer, 2, size);
          });
      });
    });
  });
}

/** GraphProto. */
function writeGraph(writer: Writer, model: OnnxModel): void {
  for (const node of model.nodes)
    writeMessage(writer, 1, () => {
      writeNode(writer, node);
    });
  writeText(writer, 2, 'nibble');
  for (const initializer of model.initializers)
    writeMessage(writer, 5, () => {
      writeInitializer(writer, initializer);
    });
  for (const [field, values] of [
    [11, model.inputs],
    [12, model.outputs],
  ] as const)
    for (const value of values)
      writeMessage(writer, field, () => {
        writeValue(writer, value);
      });
}

/** The bytes of an .onnx file. The same model gives the same bytes, always. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const writer = protobuf.Writer.create();
  writeInteger(writer, 1, IR_VERSION);
  writeText(writer, 2, 'nibble');
  writeMessage(writer, 7, () => {
    writeGraph(writer, model);
  });
  for (const [domain, version] of Object.entries({ '': STANDARD_OPSET, ...model.domains }))
    writeMessage(writer, 8, () => {
      writeText(writer, 1, domain);
      writeInteger(writer, 2, version);
    });
  writeEntries(writer, 14, model.metadata);
  return writer.finish();
}
