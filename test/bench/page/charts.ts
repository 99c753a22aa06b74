import * as Plot from '@observablehq/plot';
import { formatBytes, formatCount } from '../../../app/contract/format.ts';
import { decodeBytes, medianOf } from '../figures.ts';
import {
  median,
  type ContenderResult,
  type GrowthResult,
  type Program,
  type QuantizeResult,
  type ShapeResult,
} from '../results.ts';
import { drawSvg } from './draw-svg.ts';

/** A picture of the page: a file beside the results, and what it says in words. */
export interface Chart {
  readonly name: string;
  readonly label: string;
  readonly svg: string;
}

const WIDTH = 760;
const BAR_HEIGHT = 22;
/** Room for the names of contenders. */
const NAME_WIDTH = 150;

const hues: Readonly<Record<Program, string>> = {
  nibble: 'ours',
  'llama.cpp': 'theirs',
  onnxruntime: 'others',
};

/** One hue for each program, four bits dark and eight bits light; light and dark pages give them other values. */
function colourOf({ program, bits }: Pick<ContenderResult, 'program' | 'bits'>): string {
  return `var(--${hues[program]}-${bits})`;
}

interface Bar {
  readonly group: string;
  readonly name: string;
  readonly value: number;
  readonly fill: string;
  /** What the memory's bandwidth would allow. */
  readonly limit: number | null;
}

interface BarChart {
  readonly name: string;
  readonly label: string;
  readonly unit: string;
  readonly digits: number;
  readonly bars: readonly Bar[];
}

/** Bars in groups, one below the other, each with its number. */
function barChart({ name, label, unit, digits, bars }: BarChart): Chart {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const names = [...new Set(bars.map((bar) => bar.name))];
  const most = Math.max(...bars.map(({ value, limit }) => Math.max(value, limit ?? 0)));
  const svg = drawSvg(label, {
    width: WIDTH,
    height: 72 + bars.length * BAR_HEIGHT + groups.length * 14,
    marginLeft: NAME_WIDTH,
    marginRight: 120,
    marginTop: 8,
    marginBottom: 44,
    // Room for the number behind the longest bar.
    x: { label: unit, grid: true, domain: [0, most * 1.08], ticks: 6 },
    y: { label: null, domain: names, padding: 0.15 },
    fy: { label: null, domain: groups, padding: 0.12 },
    marks: [
      Plot.barX(bars, { x: 'value', y: 'name', fy: 'group', fill: 'fill' }),
      Plot.tickX(
        bars.filter(({ limit }) => limit !== null),
        { x: 'limit', y: 'name', fy: 'group', stroke: 'var(--limit)', strokeWidth: 2 },
      ),
      Plot.text(bars, {
        x: 'value',
        y: 'name',
        fy: 'group',
        text: ({ value }: Bar) => value.toFixed(digits),
        textAnchor: 'start',
        dx: 5,
        fill: 'currentColor',
        stroke: 'var(--background)',
        strokeWidth: 3,
      }),
      Plot.ruleX([0]),
    ],
  });
  return { name, label, svg };
}

function speedBars(
  shapes: readonly ShapeResult[],
  value: (contender: ContenderResult) => number,
  limit: (contender: ContenderResult) => number | null = () => null,
): Bar[] {
  return shapes.flatMap((shape) =>
    shape.contenders.map((contender) => ({
      group: shape.title,
      name: contender.name,
      value: value(contender),
      fill: colourOf(contender),
      limit: limit(contender),
    })),
  );
}

export function decodeChart(shape: ShapeResult): Chart {
  return barChart({
    name: `decode-${shape.key}`,
    label: `${shape.title}: tokens decoded per second; the line marks what reading every byte of the model once would allow`,
    unit: 'tokens/s decoded',
    digits: 1,
    bars: speedBars(
      [shape],
      (contender) => medianOf(contender, 'decodeRate'),
      (contender) => median(shape.bandwidth) / decodeBytes(contender),
    ),
  });
}

export function prefillChart(shape: ShapeResult): Chart {
  return barChart({
    name: `prefill-${shape.key}`,
    label: `${shape.title}: tokens of a prompt read per second`,
    unit: 'tokens/s of the prompt',
    digits: 0,
    bars: speedBars([shape], (contender) => medianOf(contender, 'prefillRate')),
  });
}

export function firstTokenChart(shapes: readonly ShapeResult[]): Chart {
  return barChart({
    name: 'first-token',
    label: 'Milliseconds from opening a model to the first token behind a short prompt',
    unit: 'ms from opening the model to the first token',
    digits: 0,
    bars: speedBars(shapes, (contender) => medianOf(contender, 'loadToFirstTokenMs')),
  });
}

export function quantizeChart({ matrix }: QuantizeResult): Chart {
  const rows = (who: string, fill: string, rates: Readonly<Record<string, number[]>>): Bar[] =>
    Object.entries(rates).map(([scheme, samples]) => ({
      group: scheme,
      name: who,
      value: median(samples) / 1e6,
      fill,
      limit: null,
    }));
  return barChart({
    name: 'quantize',
    label: 'Million weights quantized per second, in memory',
    unit: 'M weights/s',
    digits: 0,
    bars: [
      ...rows('Nibble', 'var(--ours-4)', matrix.ours),
      ...rows('bitsandbytes', 'var(--theirs-4)', matrix.bitsandbytes?.rates ?? {}),
    ],
  });
}

/** Speed over loss: up is faster, left is closer to the weights. */
export function lossChart({ title, contenders }: ShapeResult): Chart {
  const label = `${title}: tokens decoded per second over what the format loses`;
  const points = contenders.map((contender) => ({
    speed: medianOf(contender, 'decodeRate'),
    loss: contender.relativeError,
    text: `${contender.name}, ${formatBytes(contender.fileBytes)}`,
    fill: colourOf(contender),
    anchor: contender.bits === 4 ? ('end' as const) : ('start' as const),
  }));
  const losses = points.map(({ loss }) => loss);
  const svg = drawSvg(label, {
    width: WIDTH,
    height: 300,
    marginLeft: 55,
    marginBottom: 42,
    x: {
      label: 'RMS error of the weights over their standard deviation',
      type: 'log',
      // Room for the names on both sides.
      domain: [Math.min(...losses) / 1.3, Math.max(...losses) * 1.3],
      grid: true,
      ticks: 4,
      tickFormat: '~g',
    },
    y: { label: 'tokens/s decoded', grid: true, zero: true, nice: true },
    marks: [
      Plot.dot(points, { x: 'loss', y: 'speed', fill: 'fill', r: 6 }),
      ...(['start', 'end'] as const).map((anchor) =>
        Plot.text(
          points.filter((point) => point.anchor === anchor),
          {
            x: 'loss',
            y: 'speed',
            text: 'text',
            textAnchor: anchor,
            dx: anchor === 'start' ? 11 : -11,
            fill: 'currentColor',
          },
        ),
      ),
    ],
  });
  return { name: 'loss', label, svg };
}

interface LinePoint {
  readonly x: number;
  readonly y: number;
  readonly name: string;
  readonly stroke: string;
}

/** Room for one line of text, as a share of the highest value. */
const LINE_OF_TEXT = 0.06;

/** The ends of lines, moved up where their names would lie on one another. */
function apart(ends: readonly LinePoint[]): LinePoint[] {
  const gap = LINE_OF_TEXT * Math.max(...ends.map(({ y }) => y));
  let lowest = -gap;
  return ends
    .toSorted((a, b) => a.y - b.y)
    .map((end) => {
      lowest = Math.max(end.y, lowest + gap);
      return { ...end, y: lowest };
    });
}

function lineChart(
  name: string,
  label: string,
  unit: string,
  x: Record<string, unknown>,
  points: readonly LinePoint[],
): Chart {
  const byName = Map.groupBy(points, (point) => point.name);
  const last = apart([...byName.values()].flatMap((line) => line.slice(-1)));
  const svg = drawSvg(label, {
    width: WIDTH,
    height: 320,
    marginLeft: 55,
    marginRight: NAME_WIDTH,
    marginBottom: 42,
    x,
    y: { label: unit, grid: true, zero: true, nice: true },
    marks: [
      Plot.line(points, { x: 'x', y: 'y', z: 'name', stroke: 'stroke', strokeWidth: 2 }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'stroke', r: 3.5 }),
      Plot.text(last, {
        x: 'x',
        y: 'y',
        text: 'name',
        textAnchor: 'start',
        dx: 9,
        fill: 'currentColor',
      }),
    ],
  });
  return { name, label, svg };
}

export function contextChart({ title, contenders }: GrowthResult): Chart {
  const points = contenders.flatMap(({ name, program, points: all }) =>
    all.map(({ length, msPerToken }) => ({
      x: length,
      y: median(msPerToken),
      name,
      stroke: colourOf({ program, bits: 4 }),
    })),
  );
  const lengths = [...new Set(points.map(({ x }) => x))];
  return lineChart(
    'context',
    `${title}: milliseconds per decoded token over the length of the context`,
    'ms per decoded token',
    {
      label: 'tokens in the context',
      type: 'linear',
      ticks: lengths.filter((length) => length >= 512),
      tickFormat: String,
    },
    points,
  );
}

export function parametersChart(shapes: readonly ShapeResult[]): Chart {
  const points = shapes.flatMap(({ parameters, contenders }) =>
    contenders.map((contender) => ({
      x: parameters,
      y: 1000 / medianOf(contender, 'decodeRate'),
      name: contender.name,
      stroke: colourOf(contender),
    })),
  );
  return lineChart(
    'parameters',
    'Milliseconds per decoded token over the number of parameters',
    'ms per decoded token',
    {
      label: 'parameters',
      type: 'linear',
      zero: true,
      ticks: shapes.map(({ parameters }) => parameters),
      tickFormat: formatCount,
    },
    points,
  );
}
