// What each type of KV cache loses: perplexity of a text, and KL divergence from the float32 cache, in exact arithmetic
// so that nothing else differs.
//
//   node test/bench/cache-loss.ts FOLDER TEXT_FILE [--window 512] [--tokens 4096] [--mode exact]
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { CacheType } from '../../app/contract/sampling.ts';
import { openRunner } from '../../main/processes/open-runner.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    window: { type: 'string', default: '512' },
    tokens: { type: 'string', default: '4096' },
    mode: { type: 'string', default: 'exact' },
  },
});
const [directory = '', textFile = ''] = positionals;
const window = Number(options.window);
const text = await readFile(textFile, 'utf8');

/** Natural logarithms of the probabilities of every token after every position of one window. */
interface Scored {
  readonly ids: readonly number[];
  readonly logProbabilities: Float64Array[];
}

function logSoftmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const shift = largest + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - shift);
}

async function withRunner<T>(
  cacheType: CacheType,
  use: (runner: Awaited<ReturnType<typeof openRunner>>) => Promise<T>,
): Promise<T> {
  const mode = options.mode === 'fast' ? 'fast' : 'exact';
  const runner = await openRunner({ directory, mode, cacheType, contextLength: window });
  try {
    return await use(runner);
  } finally {
    await runner.close();
  }
}

async function scoreWindow(
  runner: Awaited<ReturnType<typeof openRunner>>,
  ids: readonly number[],
): Promise<Scored> {
  const logProbabilities: Float64Array[] = [];
  const width = runner.loaded.vocabularySize;
  await runner.client.score(
    { ids: [...ids] },
    {
      onEvent: ({ logits }) => {
        for (let row = 0; row < logits.length; row += width)
          logProbabilities.push(logSoftmax(logits.subarray(row, row + width)));
      },
    },
  );
  return { ids, logProbabilities };
}

const types: CacheType[] = ['f32', 'f16', 'int8'];
const sums = new Map(types.map((type) => [type, { loss: 0, divergence: 0, same: 0 }]));
let count = 0;
await withRunner('f32', (exact) =>
  withRunner('f16', (half) =>
    withRunner('int8', async (eighth) => {
      const runners = [exact, half, eighth];
      const { ids } = await exact.client.tokenize({ text });
      const wanted = Math.min(ids.length, Number(options.tokens));
      for (let start = 0; start + 1 < wanted; start += window) {
        const part = ids.slice(start, Math.min(start + window, wanted));
        const scored: Scored[] = [];
        for (const runner of runners) scored.push(await scoreWindow(runner, part));
        const reference = scored[0]?.logProbabilities ?? [];
        count += part.length - 1;
        for (const [index, type] of types.entries()) {
          const sum = sums.get(type);
          const rows = scored[index]?.logProbabilities ?? [];
          if (sum === undefined) continue;
          for (let row = 0; row + 1 < part.length; row++) {
            const here = rows[row] ?? new Float64Array();
            const there = reference[row] ?? new Float64Array();
            sum.loss -= here[part[row + 1] ?? 0] ?? Number.NaN;
            for (let id = 0; id < here.length; id++) {
              const p = there[id] ?? Number.NaN;
              sum.divergence += Math.exp(p) * (p - (here[id] ?? Number.NaN));
            }
            sum.same += Number(
              there.indexOf(Math.max(...there)) === here.indexOf(Math.max(...here)),
            );
          }
        }
      }
    }),
  ),
);
const perplexity = (type: CacheType): number => Math.exp((sums.get(type)?.loss ?? 0) / count);
console.log(`${directory}, ${count} tokens in windows of ${window}, ${options.mode} arithmetic`);
console.log('cache  perplexity  of f32        mean KL   same choice');
for (const type of types) {
  const change = (perplexity(type) / perplexity('f32') - 1) * 100;
  const sum = sums.get(type);
  console.log(
    [
      type.padEnd(5),
      perplexity(type).toFixed(5).padStart(11),
      `${change >= 0 ? '+' : ''}${change.toFixed(4)} %`.padStart(11),
      ((sum?.divergence ?? 0) / count).toExponential(2).padStart(11),
      `${((100 * (sum?.same ?? 0)) / count).toFixed(2)} %`.padStart(11),
    ].join(' '),
  );
}
