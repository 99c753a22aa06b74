/** The door of app/inspect-tensor. */
export { nearNames } from './near-names.ts';
export { viewTensor } from './view-tensor.ts';
export type { ViewTensorOptions } from './view-tensor.ts';
