import { openSync, closeSync, fstatSync, readSync } from 'node:fs';
// The plain Node logger: the one for Electron would add IPC channels of its own.
import log from 'electron-log/node.js';

/** Weeks of a log in which only starts, ends and failures stand. The one before is kept once, as *.old.log. */
const MAX_BYTES = 1_000_000;

/** What diagnostics show of it. */
const TAIL_BYTES = 16_384;

export interface LogFile {
  readonly file: string;
  readonly add: (text: string) => void;
  /** The newest lines. */
  readonly tail: () => string[];
}

/** Opens the log. It gets what the app does and what fails, never what a person writes or a model answers. */
export function openLogFile(file: string): LogFile {
  log.transports.file.resolvePathFn = () => file;
  log.transports.file.maxSize = MAX_BYTES;
  log.transports.file.format = '{iso} {text}';
  log.transports.console.level = false;
  return {
    file,
    add: (text) => {
      log.info(text.replace(/\s*\n\s*/g, ' | '));
    },
    tail: () => {
      try {
        const descriptor = openSync(file, 'r');
        try {
          const { size } = fstatSync(descriptor);
          const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
          const read = readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
          const lines = bytes.toString('utf8', 0, read).split('\n');
          // The first line of a part is cut somewhere.
          return lines.slice(size > TAIL_BYTES ? 1 : 0).filter((line) => line !== '');
        } finally {
          closeSync(descriptor);
        }
      } catch {
        return [];
      }
    },
  };
}
