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
export { SYMMETRIC_INT8 } from './affine/schemes.ts';
export { schemeOfStored } from './bitsandbytes/schemes.ts';
export {
  findFormat,
  formatOf,
  keepsWeights,
  schemeDescriptions,
  usualScheme,
  weightFormats,
} from './registry.ts';
