import { formatBytes, formatCount, formatPercent } from '../../../app/contract/format.ts';
import { bandwidthShare, decodeBytes, medianOf, pairsOf, ratioOf, type Ratio } from '../figures.ts';
import { machineFileName } from '../machine.ts';
import {
  median,
  type GrowthResult,
  type MachineResult,
  type QuantizeResult,
  type QuantizeSpeed,
  type ShapeResult,
} from '../results.ts';
import {
  growthRows,
  millions,
  quantizeJobRows,
  quantizeAloneRate,
  quantizeSpeedHead,
  quantizeSpeedRows,
} from '../rows.ts';
import {
  contextChart,
  decodeChart,
  firstTokenChart,
  lossChart,
  parametersChart,
  prefillChart,
  quantizeChart,
  type Chart,
} from './charts.ts';

/** The page and its pictures, by path within docs/. */
export type SpeedPage = ReadonlyMap<string, string>;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** The median, and in brackets the least and the most. */
function spread(values: readonly number[], digits: number): string {
  const text = (value: number): string => value.toFixed(digits);
  return values.length === 1
    ? text(median(values))
    : `${text(median(values))} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

const times = ({ median: middle, least, most }: Ratio): string =>
  `**${middle.toFixed(2)}** (${least.toFixed(2)}–${most.toFixed(2)})`;

function ratiosTable(shapes: readonly ShapeResult[]): string {
  return table(
    [
      'times faster than',
      'decode',
      'prefill',
      'open to first token',
      'process start to first token',
    ],
    shapes.flatMap((shape) =>
      pairsOf(shape).map(([ours, theirs]) => [
        `${shape.title}: ${ours.name} than ${theirs.name}`,
        times(ratioOf(ours, theirs, 'decodeRate')),
        times(ratioOf(ours, theirs, 'prefillRate')),
        times(ratioOf(ours, theirs, 'loadToFirstTokenMs')),
        times(ratioOf(ours, theirs, 'startToFirstTokenMs')),
      ]),
    ),
  );
}

function shapeSection(shape: ShapeResult): string {
  const { parameters, contenders, bandwidth, promptTokens, decodeTokens } = shape;
  const rates = bandwidth.map((rate) => rate / 1e9);
  return [
    `${formatCount(parameters)} parameters. Memory was read at ${spread(rates, 1)} GB/s; ${bandwidth.length} alternated ` +
      `rounds on ${shape.measuredAt.slice(0, 10)}, a prompt of ${promptTokens} tokens, then ${decodeTokens} decoded.`,
    table(
      [
        '',
        'decode tok/s',
        `prefill tok/s`,
        'open to first token, ms',
        'process start to first token, ms',
        'memory, private',
        'file',
      ],
      contenders.map((contender) => {
        const { name, trials, fileBytes } = contender;
        const privateBytes = medianOf(contender, 'privateBytes');
        return [
          name,
          spread(
            trials.map(({ decodeRate }) => decodeRate),
            1,
          ),
          spread(
            trials.map(({ prefillRate }) => prefillRate),
            0,
          ),
          spread(
            trials.map(({ loadToFirstTokenMs }) => loadToFirstTokenMs),
            0,
          ),
          spread(
            trials.map(({ startToFirstTokenMs }) => startToFirstTokenMs),
            0,
          ),
          `${formatBytes(medianOf(contender, 'residentBytes'))}, ${Number.isNaN(privateBytes) ? '–' : formatBytes(privateBytes)}`,
          formatBytes(fileBytes),
        ];
      }),
    ),
    table(
      [
        'read per token',
        'codes',
        'scales',
        'head',
        'norms',
        'keys and values',
        'all',
        'of the bandwidth',
      ],
      contenders.map((contender) => {
        const { codes, scales, head, norms } = contender.tokenBytes;
        return [
          contender.name,
          ...[codes, scales, head, norms, contender.cacheBytes].map(formatBytes),
          formatBytes(decodeBytes(contender)),
          formatPercent(bandwidthShare(shape, contender)),
        ];
      }),
    ),
  ].join('\n\n');
}

function lossSection({ formats, shapes }: MachineResult): string {
  const largest = shapes.at(-1);
  const rows = (largest?.contenders ?? []).map((contender) => [
    contender.name,
    contender.bitsPerWeight.toFixed(3),
    contender.relativeError.toFixed(4),
    contender.logitCorrelation.toFixed(4),
    medianOf(contender, 'decodeRate').toFixed(1),
  ]);
  const further = formats.map(({ name, bitsPerWeight, relativeError }) => [
    name,
    bitsPerWeight.toFixed(3),
    relativeError.toFixed(4),
    '–',
    '–',
  ]);
  return table(
    [
      'format',
      'bits per weight',
      'RMS error / σ',
      'logits: correlation with 16 bit',
      `decode tok/s${largest === undefined ? '' : `, ${largest.title}`}`,
    ],
    [...rows, ...further],
  );
}

function growthSection(result: GrowthResult): string {
  const { head, rows } = growthRows(result, spread);
  return [
    `Milliseconds per token of ${result.title}, over ${result.decodeTokens} tokens decoded behind a context of so many:`,
    table(head, rows),
  ].join('\n\n');
}

function quantizeSection(result: QuantizeResult): string {
  const { title, matrix } = result;
  const { bitsandbytes, ours } = matrix;
  const ratio = (scheme: string, samples: readonly number[]): string => {
    const theirs = bitsandbytes?.rates[scheme];
    return theirs === undefined ? '–' : (median(samples) / median(theirs)).toFixed(0);
  };
  return [
    `${title}, from a file in the page cache to an artifact on the disk, hashes and error statistics included:`,
    table(
      ['scheme', 'M weights/s', 'ms', 'plain copy, ms', 'times a copy'],
      quantizeJobRows(result, spread),
    ),
    `The quantizers alone, one bfloat16 matrix of ${matrix.rows} × ${matrix.columns} in memory, M weights/s:`,
    table(
      [
        'scheme',
        'Nibble',
        bitsandbytes === null ? 'bitsandbytes (not here)' : `bitsandbytes ${bitsandbytes.version}`,
        'times',
      ],
      Object.entries(ours).map(([scheme, samples]) => [
        scheme,
        millions(samples, spread),
        millions(bitsandbytes?.rates[scheme], spread),
        ratio(scheme, samples),
      ]),
    ),
  ].join('\n\n');
}

function quantizeSpeedSection(result: QuantizeSpeed): string {
  const { title, scheme, sourceBytes, artifactBytes, unwrittenMs } = result;
  return [
    `${title} to ${scheme} by all threads (\`node test/bench/quantize-speed.ts\`): ${formatBytes(sourceBytes)} in the page ` +
      `cache become ${formatBytes(artifactBytes)}, the 8-bit copy of the output layer among them, synced. A weight is a ` +
      'parameter of the checkpoint, those that stay in 16 bits included. The job runs in a process that is there; the ' +
      'command starts one, and makes a new library:',
    table(quantizeSpeedHead, quantizeSpeedRows(result, spread)),
    // Older records lack it.
    ...(unwrittenMs === undefined
      ? []
      : [
          'Quantizing alone, from the same file with codes, scales, statistics and hashes, but each matrix over the one ' +
            `before it in memory: ${quantizeAloneRate(result, unwrittenMs, spread)} M quantized weights/s. ` +
            'The job also copies what stays in 16 bits, makes the copy of the output layer, and writes new files.',
        ]),
  ].join('\n\n');
}

function machineSection(result: MachineResult, files: Map<string, string>): string {
  const { machine, versions, shapes, growth, quantize, quantizeSpeed } = result;
  const stem = machineFileName(machine);
  const picture = (chart: Chart): string => {
    const file = `benchmarks/${stem}-${chart.name}.svg`;
    files.set(file, chart.svg);
    return `![${chart.label}](${file})`;
  };
  const parts = [
    `## ${machine.processor}, ${machine.threads} threads`,
    `${formatBytes(machine.memoryBytes)} of memory, ${machine.platform}, kernels for ${machine.instructionSet}. ` +
      `${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}. Every number: [${stem}.json](benchmarks/${stem}.json).`,
    ...(shapes.length === 0
      ? []
      : [
          ratiosTable(shapes),
          picture(firstTokenChart(shapes)),
          ...shapes.flatMap((shape) => [
            `### ${shape.title}`,
            picture(decodeChart(shape)),
            picture(prefillChart(shape)),
            shapeSection(shape),
          ]),
          '### Speed and loss',
          ...shapes.slice(-1).map((shape) => picture(lossChart(shape))),
          lossSection(result),
        ]),
    ...(growth.length > 0 || shapes.length > 1 ? ['### Growth'] : []),
    ...growth.flatMap((found) => [picture(contextChart(found)), growthSection(found)]),
    ...(shapes.length > 1 ? [picture(parametersChart(shapes))] : []),
    ...(quantize.length + quantizeSpeed.length > 0 ? ['### Quantizing'] : []),
    ...quantize.slice(-1).map((found) => picture(quantizeChart(found))),
    ...quantize.map(quantizeSection),
    ...quantizeSpeed.map(quantizeSpeedSection),
  ];
  return parts.join('\n\n');
}

const INTRODUCTION = `# Speed

<!-- Made by \`npm run bench:page\` from the JSON files in docs/benchmarks. Nothing here is typed by hand. -->

How fast Nibble runs and quantizes models beside other programs, measured on the machines below by one command, which
works on yours too: \`npm run bench\`.

- Weights are random, shapes are those of the published models, vocabularies and tied heads included: speed does not
  depend on what a model knows. Both sides run the same weights; the head has 8 bits on both.
- Sides take turns, one process per trial; figures are medians, in brackets the least and the most. A ratio's brackets
  are the rounds' own ratios.
- Before anyone is timed, the next token's logits of all sides are compared with those of the 16-bit weights in exact
  arithmetic.
- Open to first token: from the call that opens the model to the first token behind 8 others, with the file in the page
  cache; process start counts the start of the process as well.
- Of the bandwidth: the bytes that a token must read, times tokens per second, over the rate at which the same threads
  read memory in the same minutes. A model that partly fits into caches can exceed it.
- Private memory has no file behind it; mapped weights count as resident only.`;

/** Renders the page from results alone: the same results give the same bytes. */
export function renderSpeedPage(results: readonly MachineResult[]): SpeedPage {
  const files = new Map<string, string>();
  const sections = results.map((result) => machineSection(result, files));
  files.set('speed.md', `${[INTRODUCTION, ...sections].join('\n\n')}\n`);
  return files;
}
