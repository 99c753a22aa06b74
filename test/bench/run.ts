// `npm run bench`: Nibble beside its rivals, on this machine, in one run.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkGguf } from './check-gguf.ts';
import { llamaContender, nibbleContender, type Contender } from './contenders.ts';
import { furtherFormats } from './format-errors.ts';
import { writeGguf } from './gguf-writer.ts';
import { describeMachine, describeVersions, machineFileName } from './machine.ts';
import { measureGrowth } from './measure-growth.ts';
import { measureQuantizers, quantizeOnce } from './measure-quantizers.ts';
import { measureSpeed } from './measure-speed.ts';
import { readOptions } from './options.ts';
import { machineResultSchema, type MachineResult } from './results.ts';
import { installRivals } from './rivals.ts';
import { fileNameOf, type Shape } from './shapes.ts';
import { writeSyntheticCheckpoint } from './synthetic-checkpoint.ts';
import { bytesTable, growthTable, quantizeTable, speedTable } from './tables.ts';
import { validate } from './validate.ts';

const options = readOptions();
const { work, rivals, threads } = options;
const say = (line: string): void => {
  console.error(line);
};

mkdirSync(work, { recursive: true });
installRivals(rivals);
const machine = describeMachine(threads);
const resultFile = path.join(
  options.record ? options.recordFolder : work,
  `${machineFileName(machine)}.json`,
);

/** What earlier runs on this machine found: a run replaces what it measures and leaves the rest. */
function earlierResult(): MachineResult | null {
  if (!existsSync(resultFile)) return null;
  return machineResultSchema.parse(JSON.parse(readFileSync(resultFile, 'utf8')));
}

function replace<T extends { readonly key: string }>(list: readonly T[], entry: T): T[] {
  const order = (key: string): number => options.allShapes.findIndex((shape) => shape.key === key);
  return [...list.filter(({ key }) => key !== entry.key), entry].sort(
    (a, b) => order(a.key) - order(b.key),
  );
}

const earlier = earlierResult();
let result: MachineResult = {
  machine,
  versions: describeVersions(rivals),
  formats: await furtherFormats(),
  shapes: earlier?.shapes ?? [],
  quantize: earlier?.quantize ?? [],
  growth: earlier?.growth ?? [],
};
function save(): void {
  writeFileSync(resultFile, `${JSON.stringify(machineResultSchema.parse(result), null, 2)}\n`);
}

async function measureShape(shape: Shape): Promise<void> {
  say(`${shape.title}: making a synthetic checkpoint and its GGUF twins in ${work}`);
  const checkpoint = writeSyntheticCheckpoint(work, shape);
  for (const type of ['q4_0', 'q8_0'] as const) {
    writeGguf(work, shape, type);
    checkGguf(rivals, work, shape, type);
  }
  say(`${shape.title}: quantizing`);
  const home = path.join(work, `${fileNameOf(shape)}-home`);
  const quantized = measureQuantizers(
    shape,
    { rounds: options.quantizeRounds, threads, home, checkpoint, python: options.python },
    say,
  );
  const { artifacts } = quantized;
  const reference = quantizeOnce(home, checkpoint, 'bf16');
  if (options.parts.has('quantize')) {
    result = { ...result, quantize: replace(result.quantize, quantized.result) };
    save();
    console.log(quantizeTable(quantized.result));
  }
  const ours = await Promise.all(artifacts.map(nibbleContender));
  const contenders: Contender[] = [
    ...ours,
    llamaContender(rivals, work, shape, 'q4_0'),
    llamaContender(rivals, work, shape, 'q8_0'),
  ].sort((a, b) => a.facts.bits - b.facts.bits);

  if (options.parts.has('speed')) {
    say(`${shape.title}: comparing the logits of all contenders`);
    const correlations = validate({
      shape,
      contenders,
      reference: reference.directory,
      artifacts: artifacts.map(({ directory }) => directory),
      work,
      threads,
    });
    say(`${shape.title}: measuring speed and memory`);
    const found = measureSpeed(shape, contenders, correlations, options, say);
    result = { ...result, shapes: replace(result.shapes, found) };
    save();
    console.log(bytesTable(found));
    console.log(speedTable(found));
  }
  if (options.parts.has('growth') && options.growthShapes.has(shape.key)) {
    say(
      `${shape.title}: growth with the context; llama.cpp reads the longest one for minutes, once`,
    );
    const fourBit = contenders.filter(({ facts }) => facts.bits === 4);
    const found = measureGrowth(shape, fourBit, options, say);
    result = { ...result, growth: replace(result.growth, found) };
    save();
    console.log(growthTable(found));
  }
}

for (const shape of options.shapes) await measureShape(shape);
say(`Results: ${resultFile}`);
if (options.record) say('Write the page from it: npm run bench:page');
