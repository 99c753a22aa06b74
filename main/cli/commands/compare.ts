import type { Comparison, Divergence } from '../../../app/contract/comparison.ts';
import {
  formatBytes,
  formatDuration,
  formatPercent,
  formatRate,
} from '../../../app/contract/format.ts';
import type { Output } from '../output.ts';
import { rawSampling, weightsWords } from '../generation.ts';
import type { GenerationOptions } from '../arguments.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';

interface CompareOptions extends GenerationOptions {
  readonly ids: string[];
  readonly prompt: string;
  readonly system?: string;
}

/** Long enough to see whether the answers part, short enough to wait for. */
const COMPARE_MAX_TOKENS = 256;

function quoted(text: string | undefined): string {
  return text === undefined ? 'the end' : JSON.stringify(text);
}

function divergenceLine(divergence: Divergence | null): string {
  if (divergence === null) return 'the same, token by token';
  const { token, baselineToken, otherToken, agreement } = divergence;
  return `first divergence at token ${token + 1}: ${quoted(baselineToken?.text)} above, ${quoted(otherToken?.text)} here; ${formatPercent(agreement)} of the positions agree`;
}

/** Prints a comparison for people. */
export function printComparison(
  output: Output,
  comparison: Pick<Comparison, 'answers' | 'divergences'>,
): void {
  for (const [index, answer] of comparison.answers.entries()) {
    const divergence = index === 0 ? null : (comparison.divergences[index - 1] ?? null);
    output.line();
    output.line(
      `${output.style('bold', answer.artifactId)} ${output.style('dim', `${answer.scheme} · ${weightsWords(answer)}`)}`,
    );
    if (divergence === null) output.block(answer.text.trim());
    else {
      const shared = answer.tokens
        .slice(0, divergence.token)
        .map((token) => token.text)
        .join('');
      const rest = answer.text.slice(shared.length);
      output.block(
        `${shared.trimStart()}${output.style('yellow', `⟦first divergence⟧${rest}`)}`.trimEnd(),
      );
    }
    if (index > 0) output.line(output.style('dim', divergenceLine(divergence)));
  }
  output.line();
  output.table(
    ['Id', 'Weights', 'Memory', 'Load', 'First token', 'Prefill', 'Decode', 'Tokens'],
    comparison.answers.map((answer) => [
      answer.artifactId,
      formatBytes(answer.weightsBytes),
      formatBytes(answer.memory.residentBytes),
      formatDuration(answer.loadMs),
      formatDuration(answer.statistics.timeToFirstTokenMs),
      answer.statistics.prefillRate === null
        ? '–'
        : formatRate(answer.statistics.prefillRate, 'tokens'),
      answer.statistics.decodeRate === null
        ? '–'
        : formatRate(answer.statistics.decodeRate, 'tokens'),
      String(answer.statistics.generatedTokens),
    ]),
    [1, 2, 3, 4, 5, 6, 7],
  );
}

/** As many as the engine takes. */
const MOST_COMPARED = 8;

/** @throws UsageError for fewer models than two, more than there is room for, or the same one twice */
function requireComparable(ids: readonly string[]): void {
  const [first = '', second] = ids;
  if (second === undefined)
    throw new UsageError(
      `Only ${first} was named, and a comparison takes two models or more.`,
      `Name another one: nibble compare ${first} OTHER-ID --prompt TEXT. What there is: nibble list.`,
    );
  if (ids.length > MOST_COMPARED)
    throw new UsageError(
      `${ids.length} models were named, and a comparison takes at most ${MOST_COMPARED}.`,
      'Name fewer.',
    );
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined)
    throw new UsageError(`${twice} was named twice.`, 'Name each model once: nibble list.');
}

/** The same prompt and seed through two or more artifacts. Greedy unless a temperature is given. */
export async function compareCommand(
  { engine, output, progress, clearProgress }: Session,
  options: CompareOptions,
): Promise<undefined> {
  requireComparable(options.ids);
  const comparison = await engine.compare(
    {
      ids: options.ids,
      prompt: options.prompt,
      ...(options.system === undefined ? {} : { system: options.system }),
      sampling: rawSampling(options),
      maxTokens: options.maxTokens ?? COMPARE_MAX_TOKENS,
      mode: options.mode,
      ...(options.cache === undefined ? {} : { cacheType: options.cache }),
      arrangement: 'alone',
    },
    {
      signal: progress.signal,
      emit: (event) => {
        if (event.kind === 'progress') progress.emit(event.progress);
      },
    },
  );
  clearProgress();
  output.document(comparison);
  printComparison(output, comparison);
  return undefined;
}
