// Reads a file and writes some bytes to the disk, safely, and does nothing else: no quantizer can be faster. Prints one
// line of JSON.
import { closeSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

const [source = '', target = '', bytesText = ''] = process.argv.slice(2);
const chunk = Buffer.alloc(16 * 2 ** 20);
const started = performance.now();
const from = openSync(source, 'r');
const to = openSync(target, 'w');
let left = Number(bytesText);
for (let read = readSync(from, chunk); read > 0; read = readSync(from, chunk)) {
  const length = Math.min(left, read);
  if (length > 0) writeSync(to, chunk, 0, length);
  left -= length;
}
fsyncSync(to);
const ms = performance.now() - started;
closeSync(from);
closeSync(to);
rmSync(target);
console.log(JSON.stringify({ ms }));
