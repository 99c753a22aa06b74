import { formatBits, formatBytes, formatCount } from '../../../app/contract/format.ts';
import type { Session } from '../session.ts';
import { announceHub } from '../source-hub.ts';

const fitWords = { yes: 'fits', tight: 'tight', no: 'too large' } as const;

/** Shows what a model is and how large each scheme would make it, before a byte of weights is downloaded. */
export async function inspectCommand(
  session: Session,
  options: { source: string },
): Promise<undefined> {
  const { engine, output, progress, clearProgress } = session;
  const hub = await announceHub(session, options.source);
  const labels = new Map(
    (await engine.schemes({}, session.quiet)).map(({ name, label }) => [name, label]),
  );
  const found = await engine.inspect({ source: options.source, contextLength: 4096 }, progress);
  clearProgress();
  output.document({ ...found, ...hub });
  output.line(output.style('bold', found.source));
  const facts = [
    found.architecture +
      (found.runnable || found.obstacle !== null ? '' : ' (Nibble cannot run this architecture)'),
    `${formatCount(found.parameters)} parameters`,
    found.textParameters === found.parameters
      ? ''
      : `${formatCount(found.textParameters)} of its text model`,
    found.activeParameters === found.textParameters
      ? ''
      : `${formatCount(found.activeParameters)} of them for a token, about as fast as a model of that size`,
    Object.keys(found.dtypes).join(' and '),
    found.layers === null ? '' : `${found.layers} layers`,
    found.contextLength === null ? '' : `context ${found.contextLength}`,
    found.cacheBytesPerToken === 0
      ? ''
      : `${formatBytes(found.cacheBytesPerToken)} of memory for each token of context`,
    found.stateBytes === 0
      ? ''
      : `${formatBytes(found.stateBytes)} for states, whatever its length`,
    found.license ?? 'no licence stated',
    found.gated ? 'gated' : '',
    found.hasTokenizer ? '' : 'no tokenizer',
    found.hasChatTemplate ? '' : 'no chat template',
  ];
  output.line(facts.filter((fact) => fact !== '').join(' · '));
  const others = Math.max(0, found.downloadBytes - found.weightsBytes);
  const bytes = `${formatBytes(found.downloadBytes)} (${formatBytes(found.weightsBytes)} of weights, ${formatBytes(others)} of tokenizer and other files)`;
  output.line(
    found.directory === null
      ? `Download: ${bytes}${found.commit === null ? '' : ` at ${found.commit.slice(0, 12)}`} · only ${formatBytes(found.inspectedBytes)} read so far`
      : `Folder: ${found.directory}, ${bytes}`,
  );
  output.line();
  if (found.obstacle !== null) {
    output.line(found.obstacle.message);
    if (found.obstacle.remedy !== null) output.line(found.obstacle.remedy);
    return undefined;
  }
  if (found.notes.includes('own-output-layer'))
    output.line(
      output.style(
        'dim',
        'Its config.json says that embeddings and output layer are one; its files hold an output layer, which is used.',
      ),
    );
  if (found.notes.includes('text-only'))
    output.line(output.style('dim', 'Text only: pictures and sound are not understood.'));
  output.table(
    ['Scheme', '', 'Weights', 'Bits per weight', 'Memory', 'This computer'],
    found.schemes.map((size) => [
      size.scheme,
      labels.get(size.scheme) ?? size.scheme,
      formatBytes(size.weightsBytes + size.outputLayerCopyBytes),
      formatBits(size.bitsPerWeight),
      formatBytes(size.memoryBytes),
      fitWords[size.fits],
    ]),
    [2, 3, 4],
  );
  output.line(
    output.style(
      'dim',
      'Weights: the files of tensors that quantizing writes. The size that nibble list shows has the tokenizer and other files in it.',
    ),
  );
  const copyBytes = Math.max(0, ...found.schemes.map((size) => size.outputLayerCopyBytes));
  if (copyBytes > 0)
    output.line(
      output.style(
        'dim',
        `Counted: ${formatBytes(copyBytes)} for an 8-bit copy of the output layer, for speed; quantize --no-output-layer-copy does without.`,
      ),
    );
  return undefined;
}
