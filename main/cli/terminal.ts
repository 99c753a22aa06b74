/*
 * The only file that writes to the terminal: what goes out is cleaned here, whoever wrote it. A lint rule and a test keep
 * everything else from writing.
 */
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { TerminalText, terminalJson, terminalText } from './terminal-text.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/**
 * Marks for our own styles within texts that also hold strangers' words. They are made of characters that cleaning
 * removes, and hold what no stranger can know; only here they become sequences of the terminal.
 */
const SECRET = randomUUID();
const markPattern = new RegExp(`\ufdd0${SECRET}(\\d+)\ufdd1`);
const mark = (code: number): string => `\ufdd0${SECRET}${code}\ufdd1`;

/** To the line's start, and nothing of it left. */
const CLEAR_LINE = '\r\u001b[K';

/** Marks text to be shown in a style. */
export function styled(style: Style, text: string): string {
  const [open, close] = inspect.colors[style] ?? [0, 0];
  return `${mark(open)}${text}${mark(close)}`;
}

/** Cleans a text and turns marks into sequences of the terminal. */
export function painted(text: string): string {
  return text
    .split(markPattern)
    .map((part, index) => (index % 2 === 0 ? terminalText(part) : `\u001b[${part}m`))
    .join('');
}

export const isStdoutTerminal: boolean = process.stdout.isTTY;
export const isStderrTerminal: boolean = process.stderr.isTTY;

/** Writes to stdout. */
export function printOut(text: string): void {
  process.stdout.write(painted(text));
}

/** Writes to stderr. */
export function printError(text: string): void {
  process.stderr.write(painted(text));
}

/** Writes one JSON document to stdout. */
export function printJson(value: unknown): void {
  process.stdout.write(`${terminalJson(value)}\n`);
}

/** Writes lines that were painted before, because their width had to be known. */
export function printPainted(text: string): void {
  process.stdout.write(text);
}

/** Text that comes in pieces; a sequence that is cut between two of them is recognized. */
export function streamOut(): { readonly write: (piece: string) => void; readonly end: () => void } {
  const text = new TerminalText();
  return {
    write: (piece) => {
      process.stdout.write(text.push(piece));
    },
    end: () => {
      process.stdout.write(text.end());
    },
  };
}

/** Shows a line on stderr that the next one replaces; an empty one takes it away. */
export function printStatus(text: string): void {
  process.stderr.write(`${CLEAR_LINE}${painted(text)}`);
}

/** For libraries that draw on the terminal themselves: what they are given must have been cleaned. */
export const drawingStream: NodeJS.WriteStream = process.stderr;

/** Called when whoever read stdout has gone away (`nibble list | head`). */
export function onReaderGone(listener: () => void): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    listener();
  });
}
