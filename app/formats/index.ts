/** The door of app/formats. */
export { bytesOf, countsAsWeight, floatTypes, isFloatDtype, pythonDtype } from './format.ts';
export type {
  FloatDtype,
  OutputTensor,
  Part,
  PartPlaces,
  QuantizedMatrix,
  QuantizedReader,
  Quantizer,
  SourceMatrix,
  TensorParts,
  WeightFormat,
  WrittenTensor,
} from './format.ts';
export { pythonJson } from './python-json.ts';
export type { PythonJson } from './python-json.ts';
export { weightFormats } from './registry.ts';
