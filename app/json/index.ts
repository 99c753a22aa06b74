/** The door of app/json. */
export { parseJson, parseJsonHere } from './parse-json.ts';
export type { ParseJsonOptions } from './parse-json.ts';
