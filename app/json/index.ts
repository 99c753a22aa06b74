/** The door of app/json. */
export { lfsPointer, parseJson, parseJsonHere } from './parse-json.ts';
export type { ParseJsonOptions } from './parse-json.ts';
