import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { machineResultSchema, type MachineResult } from './results.ts';
import { shapes } from './shapes.ts';

/** Lists with one entry per shape. */
type Measured = 'quantize' | 'quantizeSpeed' | 'shapes' | 'growth';

function order(key: string): number {
  return shapes.findIndex((shape) => shape.key === key);
}

/** A file of results. A run replaces what it measures and leaves the rest: a shape can be measured again by itself. */
export class ResultStore {
  readonly file: string;
  #result: MachineResult | null;

  /** @throws ZodError when there is a file of another form: delete it */
  constructor(file: string) {
    this.file = file;
    this.#result = existsSync(file)
      ? machineResultSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
      : null;
  }

  /** What holds for all of the file. */
  async save(facts: Pick<MachineResult, 'machine' | 'versions' | 'formats'>): Promise<void> {
    const empty = { quantize: [], quantizeSpeed: [], shapes: [], growth: [] };
    await this.#write({ ...empty, ...this.#result, ...facts });
  }

  /** Takes the place of what was measured with the same shape. */
  async replace<Name extends Measured>(
    name: Name,
    entry: MachineResult[Name][number],
  ): Promise<void> {
    if (this.#result === null) throw new Error('save the machine first');
    const others = this.#result[name].filter(({ key }) => key !== entry.key);
    const list = [...others, entry].sort((a, b) => order(a.key) - order(b.key));
    await this.#write({ ...this.#result, [name]: list });
  }

  async #write(result: MachineResult): Promise<void> {
    this.#result = result;
    mkdirSync(path.dirname(this.file), { recursive: true });
    const text = JSON.stringify(machineResultSchema.parse(result));
    const partial = `${this.file}.partial`;
    writeFileSync(partial, await format(text, { parser: 'json', printWidth: 100 }));
    renameSync(partial, this.file);
  }
}
