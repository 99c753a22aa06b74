import { MultiBar, type SingleBar } from 'cli-progress';
import { formatBytes, formatCount, formatDuration, formatRate } from '../../app/contract/format.ts';
import type { Progress } from '../../app/contract/progress.ts';
import { drawingStream, printError } from './terminal.ts';
import { terminalLine } from './terminal-text.ts';

/** A log file wants to know that work goes on, not every percent of it. */
const LINE_INTERVAL_MS = 2_000;

const verbs: Readonly<Record<Progress['phase'], string>> = {
  list: 'Listing',
  download: 'Downloading',
  verify: 'Checking',
  quantize: 'Quantizing',
  load: 'Loading',
  evaluate: 'Measuring',
  compare: 'Comparing',
};

function verbOf({ isPaused, phase }: Progress): string {
  return isPaused ? 'Waiting' : verbs[phase];
}

/** `1.2 MB`, `3 of 8 tensors`, `1 of 1 item`. */
function amount({ done, total, unit }: Progress): string {
  if (unit === 'bytes')
    return total === null ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
  const counted = (total ?? done) === 1 ? unit.replace(/s$/, '') : unit;
  return total === null
    ? `${formatCount(done)} ${counted}`
    : `${formatCount(done)} of ${formatCount(total)} ${counted}`;
}

function describe(progress: Progress): string {
  const parts = [amount(progress)];
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
  readonly #lastLine = new Map<string, { atMs: number; verb: string; finished: boolean }>();

  #isDrawn = false;

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
    const title = terminalLine(`${verbOf(progress)} ${progress.subject}`);
    if (this.#bars === null) this.#line(title, progress);
    else this.#bar(this.#bars, title, progress);
  }

  #bar(bars: MultiBar, title: string, progress: Progress): void {
    this.#isDrawn = true;
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
    const verb = verbOf(progress);
    const isSame = last?.verb === verb && last.finished === finished;
    // The last unit of work and the end of the step are one word to a reader.
    if (isSame && (finished || now - last.atMs < LINE_INTERVAL_MS)) return;
    this.#lastLine.set(progress.step, { atMs: now, verb, finished });
    printError(`${title}: ${describe(progress)}\n`);
  }

  /** Takes the bars away, so that what is printed next stands on a clean line. */
  stop(): void {
    // What was never drawn is not cleared: that would take away what others have written on the line.
    if (this.#isDrawn) this.#bars?.stop();
    this.#isDrawn = false;
    this.#byStep.clear();
  }
}
