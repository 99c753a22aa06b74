import { parentPort, workerData } from 'node:worker_threads';
import { readText } from './read-text.ts';
import type { TextRules } from './read-text.ts';

/** Parses one text on a thread of its own; started by parse-json.ts. */
const { bytes, rules } = workerData as { readonly bytes: Uint8Array; readonly rules: TextRules };
parentPort?.postMessage(readText(bytes, rules));
