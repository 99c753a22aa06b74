import { formatBits, formatBytes, formatPercent } from '../../../app/contract/format.ts';
import { divergenceWord } from '../../../app/contract/quality.ts';
import { greedySampling } from '../../../app/contract/sampling.ts';
import type { SchemeDescription } from '../../../app/contract/scheme.ts';
import { storedWeightsBytes, type Evaluation } from '../../../app/contract/checkpoint.ts';
import {
  createEngine,
  defaultHome,
  heldOutText,
  sampleModel,
  samplePrompts,
  startSampleHub,
} from '../../../app/engine.ts';
import { openRunner } from '../../processes/open-runner.ts';
import { answerSummary, withCheckedWeights, withRunner } from '../generation.ts';
import type { Session } from '../session.ts';
import { printComparison } from './compare.ts';
import { lossWords } from '../words/loss.ts';

/** The reference first, which everything after it is measured against; then what is recommended, the smallest last. */
function demoSchemes(schemes: readonly SchemeDescription[]): readonly SchemeDescription[] {
  return schemes
    .filter(({ isQuantized, recommendation }) => !isQuantized || recommendation !== null)
    .sort((a, b) => b.bitsPerWeight - a.bitsPerWeight);
}

/** Enough text for the differences to stand out of the noise, little enough to wait for on two cores. */
const EVALUATED_TOKENS = 4096;

/** Long enough for a story of the sample model to reach its end. */
const DEMO_MAX_TOKENS = 256;

/** The whole job on the embedded sample model: a local hub, download, quantize, measure, chat, compare. */
export async function demoCommand(
  session: Session,
  options: { home?: string },
): Promise<undefined> {
  const { output, progress, clearProgress, signal } = session;
  const heading = (text: string): void => {
    clearProgress();
    output.line();
    output.line(output.style('bold', text));
  };
  const hub = await startSampleHub();
  const engine = await createEngine({
    home: options.home ?? defaultHome(),
    hubEndpoint: hub.endpoint,
    openRunner,
  });
  try {
    const { handlers } = engine;
    heading(`1. Download ${sampleModel.repository} from a hub on this computer (${hub.endpoint})`);
    const checkpoint = await handlers.pull({ source: sampleModel.repository }, progress);
    clearProgress();
    output.line(
      `${checkpoint.id}: ${formatBytes(checkpoint.sizeBytes)}, checked against its sha256`,
    );

    heading('2. Make smaller versions');
    const schemes = demoSchemes(await handlers.schemes({}, progress));
    const artifacts = await handlers.quantize(
      { source: checkpoint.id, schemes: schemes.map(({ name }) => name), device: 'auto' },
      progress,
    );
    const reference = artifacts[0];
    if (reference === undefined) return undefined;

    heading('3. Measure what that cost');
    const text = await heldOutText();
    const evaluations: Evaluation[] = [];
    for (const artifact of artifacts)
      evaluations.push(
        await handlers.evaluate(
          {
            id: artifact.id,
            referenceId: reference.id,
            text,
            textName: 'sample text',
            mode: 'fast',
            maxTokens: EVALUATED_TOKENS,
          },
          progress,
        ),
      );
    clearProgress();
    const base = evaluations[0]?.perplexity ?? Number.NaN;
    output.table(
      [
        'Scheme',
        'Weights',
        'Bits per weight',
        'SQNR',
        'Perplexity',
        'Against 16 bit',
        'KL',
        'Same choice',
        '',
      ],
      artifacts.map((artifact, index) => {
        const evaluation = evaluations[index];
        const meanKl = evaluation?.meanKl ?? null;
        const topAgreement = evaluation?.topAgreement ?? null;
        return [
          artifact.scheme,
          formatBytes(storedWeightsBytes(artifact)),
          formatBits(artifact.totals.bitsPerWeight),
          lossWords(artifact.totals),
          evaluation?.perplexity.toFixed(4) ?? '',
          index === 0 || evaluation === undefined
            ? ''
            : `${evaluation.perplexity >= base ? '+' : ''}${formatPercent(evaluation.perplexity / base - 1, 2)}`,
          index === 0 || meanKl === null ? '' : meanKl.toExponential(1),
          index === 0 || topAgreement === null ? '' : formatPercent(topAgreement),
          index === 0 ? 'reference' : meanKl === null ? '' : divergenceWord(meanKl),
        ];
      }),
      [1, 2, 3, 4, 5, 6, 7],
    );

    const prompts = await samplePrompts();
    const smallest = artifacts.at(-1) ?? reference;
    const eightBit = artifacts[1] ?? reference;
    const question = prompts[0] ?? 'What is quantization?';
    heading(`4. Ask ${smallest.id}`);
    output.line(output.style('cyan', question));
    const chatOptions = { mode: 'fast', seed: 1 } as const;
    const answer = await withRunner(
      { ...session, engine: handlers, openRunner: engine.notingDamage(openRunner) },
      smallest.id,
      chatOptions,
      async (runner) => {
        const sampling = {
          temperature: 0,
          topK: 0,
          topP: 1,
          minP: 0,
          repetitionPenalty: 1,
          seed: 1,
        };
        const answered = await runner.client.chat(
          { messages: [{ role: 'user', content: question }], sampling, maxTokens: DEMO_MAX_TOKENS },
          {
            signal,
            onEvent: (tokens) => {
              output.write(tokens.map((token) => token.text).join(''));
            },
          },
        );
        output.line();
        const said = await withCheckedWeights(answered, runner, signal);
        output.note(output.style('dim', answerSummary(said, sampling)));
        return said;
      },
    );

    heading('5. Compare 4-bit with 8-bit');
    const story = prompts[1] ?? question;
    output.line(output.style('cyan', story));
    const comparison = await handlers.compare(
      {
        ids: [eightBit.id, smallest.id],
        prompt: story,
        sampling: greedySampling,
        maxTokens: DEMO_MAX_TOKENS,
        mode: 'fast',
        arrangement: 'alone',
      },
      {
        signal,
        emit: (event) => {
          if (event.kind === 'progress') progress.emit(event.progress);
        },
      },
    );
    clearProgress();
    printComparison(output, comparison);
    output.line();
    output.line('What to try next:');
    output.line(`  npx nibble chat ${smallest.id}`);
    output.line(`  npx nibble show ${smallest.id}`);
    output.line(`  npx nibble compare ${reference.id} ${smallest.id} --prompt "…"`);
    output.line('  npx nibble inspect ORG/MODEL      (a model of your choice on the hub)');
    output.document({ checkpoint, artifacts, evaluations, question, answer, comparison });
    return undefined;
  } finally {
    await engine.close();
    await hub.close();
  }
}
