import { DEVICE_RECORD_FILE } from './device-record.ts';
import { isGraphFile } from './graph/ensure-graph.ts';
import { RECORD_FILE } from './weights-record.ts';

/** Whether running a model writes a file of this name beside it, and may write it again at any time. */
export function isWrittenByRuns(name: string): boolean {
  return name === DEVICE_RECORD_FILE || name === RECORD_FILE || isGraphFile(name);
}
