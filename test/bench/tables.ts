import Table from 'cli-table3';
import { formatBytes, formatCount, formatPercent } from '../../app/contract/format.ts';
import { bandwidthShare, decodeBytes, medianOf, pairsOf, ratioOf, type Ratio } from './figures.ts';
import {
  median,
  type ContenderResult,
  type GrowthResult,
  type QuantizeResult,
  type ShapeResult,
  type Trial,
} from './results.ts';
import { growthRows, millions, quantizeJobRows } from './rows.ts';

/** What `npm run bench` prints. */

function table(head: string[], rows: readonly string[][]): string {
  const made = new Table({ head, style: { head: [], border: [], compact: true } });
  made.push(...rows);
  return made.toString();
}

/** Median and, in brackets, the least and the most. */
function spread(values: readonly number[], digits: number): string {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${middle.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

const times = ({ median: middle, least, most }: Ratio): string =>
  `${middle.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;

function speedRow(shape: ShapeResult, contender: ContenderResult): string[] {
  const { name, fileBytes, bitsPerWeight, relativeError, logitCorrelation, trials } = contender;
  const of = (key: keyof Trial): number[] => trials.map((trial) => trial[key] ?? Number.NaN);
  const privateBytes = medianOf(contender, 'privateBytes');
  return [
    name,
    bitsPerWeight.toFixed(3),
    relativeError.toFixed(4),
    logitCorrelation.toFixed(4),
    formatBytes(fileBytes),
    `${spread(of('loadToFirstTokenMs'), 0)} / ${spread(of('startToFirstTokenMs'), 0)}`,
    `${formatBytes(medianOf(contender, 'residentBytes'))} / ${Number.isNaN(privateBytes) ? '–' : formatBytes(privateBytes)}`,
    spread(of('prefillRate'), 0),
    spread(of('decodeRate'), 1),
    formatBytes(decodeBytes(contender)),
    formatPercent(bandwidthShare(shape, contender)),
  ];
}

export function speedTable(shape: ShapeResult): string {
  const { title, parameters, bandwidth, promptTokens, shortPromptTokens, decodeTokens } = shape;
  const rounds = bandwidth.length;
  const best = (1e-9 * median(bandwidth)).toFixed(1);
  return [
    '',
    `${title}: ${formatCount(parameters)} parameters, medians of ${rounds} alternated ${rounds === 1 ? 'round' : 'rounds'} (least–most)`,
    `memory read at ${best} GB/s (${bandwidth.map((rate) => (1e-9 * rate).toFixed(1)).join(', ')}); prompt ${promptTokens} tokens, then ${decodeTokens} decoded; first token behind ${shortPromptTokens}`,
    table(
      [
        '',
        'bits/weight',
        'RMS error/σ',
        'logits r',
        'file',
        'first token ms: load / process start',
        'memory: resident / private',
        'prefill tok/s',
        'decode tok/s',
        'read per token',
        'of bandwidth',
      ],
      shape.contenders.map((contender) => speedRow(shape, contender)),
    ),
    table(
      ['', 'decode', 'prefill', 'load to first token', 'process start to first token'],
      pairsOf(shape).map(([ours, theirs]) => [
        `${ours.name} / ${theirs.name}`,
        times(ratioOf(ours, theirs, 'decodeRate')),
        times(ratioOf(ours, theirs, 'prefillRate')),
        times(ratioOf(ours, theirs, 'loadToFirstTokenMs')),
        times(ratioOf(ours, theirs, 'startToFirstTokenMs')),
      ]),
    ),
  ].join('\n');
}

export function bytesTable({ title, contenders }: ShapeResult): string {
  return [
    '',
    `${title}: what decoding a token reads`,
    table(
      ['', 'codes', 'scales', 'head', 'norms', 'keys and values', 'all'],
      contenders.map((contender) => {
        const { codes, scales, head, norms } = contender.tokenBytes;
        return [
          contender.name,
          ...[codes, scales, head, norms, contender.cacheBytes].map(formatBytes),
          formatBytes(decodeBytes(contender)),
        ];
      }),
    ),
  ].join('\n');
}

export function quantizeTable(result: QuantizeResult): string {
  const { title, matrix } = result;
  const { bitsandbytes } = matrix;
  return [
    '',
    `Quantizing ${title}, file in the page cache to file on the disk`,
    table(
      ['', 'M weights/s', 'ms', 'ms of a plain copy', 'times a copy'],
      quantizeJobRows(result, spread),
    ),
    `one matrix of ${matrix.rows} x ${matrix.columns} in memory, M weights/s`,
    table(
      [
        '',
        'Nibble',
        bitsandbytes === null
          ? 'bitsandbytes (name a Python that has it: --python)'
          : `bitsandbytes ${bitsandbytes.version}`,
      ],
      Object.entries(matrix.ours).map(([scheme, samples]) => [
        scheme,
        millions(samples, spread),
        millions(bitsandbytes?.rates[scheme], spread),
      ]),
    ),
  ].join('\n');
}

export function growthTable(result: GrowthResult): string {
  const { head, rows } = growthRows(result, spread);
  return [
    '',
    `${result.title}: milliseconds per decoded token behind a context of so many tokens`,
    table(head, rows),
  ].join('\n');
}
