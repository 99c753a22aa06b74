import { MultiBar, type SingleBar } from 'cli-progress';
import { formatBytes, formatCount, formatDuration, formatRate } from '../../app/contract/format.ts';
import type { Progress } from '../../app/contract/progress.ts';
import { drawingStream, printError } from './terminal.ts';
import { terminalLine } from './terminal-text.ts';

/** A log file wants to know that work goes on, not every percent of it. */
const LINE_INTERVAL_MS = 2_000;

const verbs: Readonly<Record<Progress['kind'], string>> = {
  list: 'Listing',
  download: 'Downloading',
  verify: 'Checking',
  quantize: 'Quantizing',
  load: 'Loading',
  evaluate: 'Measuring',
  compare: 'Comparing',
  paused: 'Waiting',
};

function amount(value: number, unit: Progress['unit']): string {
  return unit === 'bytes' ? formatBytes(value) : `${formatCount(value)} ${unit}`;
}

function describe(progress: Progress): string {
  const parts = [
    progress.total === null
      ? amount(progress.done, progress.unit)
      : `${amount(progress.done, progress.unit)} of ${amount(progress.total, progress.unit)}`,
  ];
  if (progress.rate !== null && progress.rate > 0)
    parts.push(formatRate(progress.rate, progress.unit));
  if (progress.secondsLeft !== null && progress.secondsLeft > 0)
    parts.push(`${formatDuration(progress.secondsLeft * 1000)} left`);
  if (progress.detail !== null) parts.push(terminalLine(progress.detail));
  return parts.join(' · ');
}

/** Shows progress on stderr: bars with rate and time left on a terminal, a plain line now and then otherwise. */
export class ProgressBars {
  readonly #bars: MultiBar | null;
  readonly #byStep = new Map<string, SingleBar>();
  readonly #lastLine = new Map<string, { atMs: number; kind: string }>();

  constructor(options: { interactive: boolean }) {
    this.#bars = options.interactive
      ? new MultiBar({
          format: '{title} {bar} {percentage} % · {words}',
          barCompleteChar: '━',
          barIncompleteChar: '─',
          barsize: 24,
          hideCursor: true,
          clearOnComplete: true,
          stopOnComplete: false,
          linewrap: false,
          stream: drawingStream,
        })
      : null;
  }

  show(progress: Progress): void {
    const title = terminalLine(`${verbs[progress.kind]} ${progress.step}`);
    if (this.#bars === null) this.#line(title, progress);
    else this.#bar(this.#bars, title, progress);
  }

  #bar(bars: MultiBar, title: string, progress: Progress): void {
    const values = { title, words: describe(progress) };
    const total = progress.total ?? Math.max(progress.done, 1);
    let bar = this.#byStep.get(progress.step);
    if (bar === undefined) {
      bar = bars.create(total, 0, values);
      this.#byStep.set(progress.step, bar);
    }
    bar.setTotal(total);
    bar.update(progress.done, values);
    if (progress.total !== null && progress.done >= progress.total) {
      bars.remove(bar);
      this.#byStep.delete(progress.step);
    }
  }

  #line(title: string, progress: Progress): void {
    const last = this.#lastLine.get(progress.step);
    const finished = progress.total !== null && progress.done >= progress.total;
    const now = Date.now();
    if (last?.kind === progress.kind && !finished && now - last.atMs < LINE_INTERVAL_MS) return;
    this.#lastLine.set(progress.step, { atMs: now, kind: progress.kind });
    printError(`${title}: ${describe(progress)}\n`);
  }

  /** Takes the bars away, so that what is printed next stands on a clean line. */
  stop(): void {
    this.#bars?.stop();
    this.#byStep.clear();
  }
}
