import protobuf from 'protobufjs/light.js';

/**
 * The part of the ONNX file format that our graphs use. Field numbers, types and enumeration values are those of the
 * ONNX specification (onnx.proto, IR version 10); fields that we never write are left out, and a reader skips them.
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

const int64 = 'int64';
const many = 'repeated' as const;

/** ONNX is defined in proto2: a zero that is written down is on the wire, too. */
function message(fields: Record<string, protobuf.IField>): protobuf.IType {
  return { edition: 'proto2', fields };
}

const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: message({
      irVersion: { id: 1, type: int64 },
      producerName: { id: 2, type: 'string' },
      graph: { id: 7, type: 'GraphProto' },
      opsetImport: { id: 8, type: 'OperatorSetIdProto', rule: many },
      metadataProps: { id: 14, type: 'StringStringEntryProto', rule: many },
    }),
    OperatorSetIdProto: message({
      domain: { id: 1, type: 'string' },
      version: { id: 2, type: int64 },
    }),
    StringStringEntryProto: message({
      key: { id: 1, type: 'string' },
      value: { id: 2, type: 'string' },
    }),
    GraphProto: message({
      node: { id: 1, type: 'NodeProto', rule: many },
      name: { id: 2, type: 'string' },
      initializer: { id: 5, type: 'TensorProto', rule: many },
      input: { id: 11, type: 'ValueInfoProto', rule: many },
      output: { id: 12, type: 'ValueInfoProto', rule: many },
    }),
    NodeProto: message({
      input: { id: 1, type: 'string', rule: many },
      output: { id: 2, type: 'string', rule: many },
      name: { id: 3, type: 'string' },
      opType: { id: 4, type: 'string' },
      attribute: { id: 5, type: 'AttributeProto', rule: many },
      domain: { id: 7, type: 'string' },
    }),
    AttributeProto: message({
      name: { id: 1, type: 'string' },
      f: { id: 2, type: 'float' },
      i: { id: 3, type: int64 },
      s: { id: 4, type: 'bytes' },
      ints: { id: 8, type: int64, rule: many },
      type: { id: 20, type: 'int32' },
    }),
    TensorProto: message({
      dims: { id: 1, type: int64, rule: many },
      dataType: { id: 2, type: 'int32' },
      name: { id: 8, type: 'string' },
      rawData: { id: 9, type: 'bytes' },
      externalData: { id: 13, type: 'StringStringEntryProto', rule: many },
      dataLocation: { id: 14, type: 'int32' },
    }),
    ValueInfoProto: message({
      name: { id: 1, type: 'string' },
      type: { id: 2, type: 'TypeProto' },
    }),
    TypeProto: message({ tensorType: { id: 1, type: 'TensorTypeProto' } }),
    // TypeProto.Tensor in the specification; only the field numbers are on the wire.
    TensorTypeProto: message({
      elemType: { id: 1, type: 'int32' },
      shape: { id: 2, type: 'TensorShapeProto' },
    }),
    TensorShapeProto: message({ dim: { id: 1, type: 'DimensionProto', rule: many } }),
    DimensionProto: message({
      dimValue: { id: 1, type: int64 },
      dimParam: { id: 2, type: 'string' },
    }),
  },
});
const modelType = root.lookupType('ModelProto');

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

function entries(record: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(record).map(([key, value]) => ({ key, value }));
}

function encodeAttribute(name: string, attribute: Attribute): object {
  if ('text' in attribute)
    return { name, type: attributeTypes.text, s: new TextEncoder().encode(attribute.text) };
  if ('ints' in attribute) return { name, type: attributeTypes.ints, ints: attribute.ints };
  return 'int' in attribute
    ? { name, type: attributeTypes.int, i: attribute.int }
    : { name, type: attributeTypes.float, f: attribute.float };
}

function encodeInitializer({ name, type, dims, data }: OnnxInitializer): object {
  const common = { name, dims, dataType: elementTypes[type] };
  if ('bytes' in data) return { ...common, rawData: data.bytes };
  return {
    ...common,
    dataLocation: EXTERNAL,
    externalData: entries({
      location: data.file,
      offset: String(data.byteOffset),
      length: String(data.byteLength),
    }),
  };
}

function encodeValue({ name, type, dims }: OnnxValue): object {
  const dim = dims.map((size) =>
    typeof size === 'number' ? { dimValue: size } : { dimParam: size },
  );
  return { name, type: { tensorType: { elemType: elementTypes[type], shape: { dim } } } };
}

/** The bytes of an .onnx file. The same model gives the same bytes, always. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  return modelType
    .encode({
      irVersion: IR_VERSION,
      producerName: 'nibble',
      opsetImport: [
        { domain: '', version: STANDARD_OPSET },
        ...Object.entries(model.domains).map(([domain, version]) => ({ domain, version })),
      ],
      metadataProps: entries(model.metadata),
      graph: {
        name: 'nibble',
        node: model.nodes.map((node) => ({
          name: node.name,
          opType: node.operator,
          domain: node.domain,
          input: node.inputs,
          output: node.outputs,
          attribute: Object.entries(node.attributes).map(([name, value]) =>
            encodeAttribute(name, value),
          ),
        })),
        initializer: model.initializers.map(encodeInitializer),
        input: model.inputs.map(encodeValue),
        output: model.outputs.map(encodeValue),
      },
    })
    .finish();
}
