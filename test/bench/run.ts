// `npm run bench`: Nibble beside its rivals, on this machine, in one run.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { checkGguf } from './check-gguf.ts';
import { llamaContender, nibbleContender, onnxContender, type Contender } from './contenders.ts';
import { furtherFormats } from './format-errors.ts';
import { writeGguf } from './gguf-writer.ts';
import { describeMachine, describeVersions, machineFileName } from './machine.ts';
import { measureGrowth } from './measure-growth.ts';
import { measureQuantizers, quantizeOnce } from './measure-quantizers.ts';
import { measureSpeed } from './measure-speed.ts';
import { writeOnnx } from './onnx-writer.ts';
import { readOptions } from './options.ts';
import { updateDocs } from './page/update-docs.ts';
import { ResultStore } from './result-store.ts';
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
const store = new ResultStore(
  path.join(options.record ? options.recordFolder : work, `${machineFileName(machine)}.json`),
);
await store.save({
  machine,
  versions: describeVersions(rivals),
  formats: await furtherFormats(),
});

async function measureShape(shape: Shape): Promise<void> {
  say(`${shape.title}: making a synthetic checkpoint and its GGUF twins in ${work}`);
  const checkpoint = writeSyntheticCheckpoint(work, shape);
  for (const type of ['q4_0', 'q8_0'] as const) {
    writeGguf(work, shape, type);
    checkGguf(rivals, work, shape, type);
  }
  const onnx = options.withOnnx ? ([4, 8] as const) : [];
  for (const bits of onnx) writeOnnx(work, checkpoint, shape, bits);
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
    await store.replace('quantize', quantized.result);
    console.log(quantizeTable(quantized.result));
  }
  const ours = await Promise.all(artifacts.map(nibbleContender));
  const contenders: Contender[] = [
    ...ours,
    llamaContender(rivals, work, shape, 'q4_0'),
    llamaContender(rivals, work, shape, 'q8_0'),
    ...onnx.map((bits) => onnxContender(rivals, work, shape, bits)),
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
    await store.replace('shapes', found);
    console.log(bytesTable(found));
    console.log(speedTable(found));
  }
  if (options.parts.has('growth') && options.growthShapes.has(shape.key)) {
    say(
      `${shape.title}: growth with the context; llama.cpp reads the longest one for minutes, once`,
    );
    const fourBit = contenders.filter(({ facts, growth }) => facts.bits === 4 && growth !== null);
    const found = measureGrowth(shape, fourBit, options, say);
    await store.replace('growth', found);
    console.log(growthTable(found));
  }
}

for (const shape of options.shapes) await measureShape(shape);
say(`Results: ${store.file}`);
if (options.record) say(`Page: ${updateDocs()}`);
