import type { ComparedAnswer, Comparison, Divergence } from '../../contract/comparison.ts';
import { formatPercent } from '../../contract/format.ts';
import type { GeneratedToken } from '../../contract/sampling.ts';
import { schemeLook } from './scheme-look.ts';
import { html, type SafeHtml } from './html.ts';

/** A token's text with its white space visible: a bar without a name says nothing. */
export function visibleToken(text: string): string {
  if (text === '') return '(no text)';
  return text.replaceAll('\r', '').replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll(' ', '␣');
}

/** Where in an answer the first token differs, for the mark; null where nothing does. */
export function markedToken(comparison: Comparison, index: number): number | null {
  const places = comparison.divergences.map((divergence) => divergence?.token ?? null);
  if (index > 0) return places[index - 1] ?? null;
  const known = places.filter((place) => place !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** An answer with the token at `place` marked; where the answer ended before, its end is. */
export function markedText({ text, tokens }: ComparedAnswer, place: number | null): SafeHtml {
  if (place === null) return html`${text}`;
  // A token inside a character has no text of its own: the mark goes on to the one that completes it.
  let end = place;
  while (end < tokens.length && tokens[end]?.text === '') end++;
  const marked = tokens[end]?.text ?? '';
  if (marked === '') return html`${text}<mark>(ends here)</mark>`;
  const start = tokens.slice(0, end).reduce((sum, token) => sum + token.text.length, 0);
  const rest = text.slice(start + marked.length);
  const word = marked.trimStart();
  if (word === '')
    return html`${text.slice(0, start)}<mark>${visibleToken(marked)}</mark>${marked}${rest}`;
  // The space before a word stays outside: at the end of a line the mark would show where there is nothing.
  const space = marked.slice(0, marked.length - word.length);
  return html`${text.slice(0, start)}${space}<mark>${word}</mark>${rest}`;
}

/** What a model nearly said, most likely first, with what it did say even where that was less likely than all others. */
function distributionAt({ id, text, logprob, alternatives }: GeneratedToken): {
  readonly id: number;
  readonly text: string;
  readonly share: number;
}[] {
  const own = alternatives.some((alternative) => alternative.id === id)
    ? []
    : [{ id, text, logprob }];
  return [...alternatives, ...own]
    .map((entry) => ({ id: entry.id, text: entry.text, share: Math.exp(entry.logprob) }))
    .sort((a, b) => b.share - a.share);
}

function percent(share: number): string {
  if (share > 0 && share < 0.000_005) return '< 0.001\u202f%';
  const digits = share >= 0.0995 || share === 0 ? 1 : share >= 0.001 ? 2 : 3;
  return `${(share * 100).toFixed(digits)}\u202f%`;
}

function chart(answer: ComparedAnswer, token: GeneratedToken | null, name: string): SafeHtml {
  const { bits, label } = schemeLook(answer.scheme);
  if (token === null)
    return html`<div>
      <h3>${name} · ${label}</h3>
      <p class="quiet">This answer had ended here.</p>
    </div>`;
  const rows = distributionAt(token).map(
    ({ id, text, share }) =>
      html`<tr class="${id === token.id ? 'chosen' : ''}">
        <th scope="row">
          <code>${visibleToken(text)}</code
          >${id === token.id && html` <span class="quiet">said</span>`}
        </th>
        <td class="number">${percent(share)}</td>
        <td class="bar">
          <svg
            width="100"
            height="12"
            viewBox="0 0 100 12"
            preserveAspectRatio="none"
            aria-hidden="true"
          >
            <rect class="track" width="100" height="12" />
            <rect class="share" width="${(Math.min(1, share) * 100).toFixed(2)}" height="12" />
          </svg>
        </td>
      </tr>`,
  );
  return html`<table class="chart bits-${bits}">
    <caption>
      ${name} · ${label}
    </caption>
    <thead>
      <tr>
        <th scope="col">Next token</th>
        <th scope="col" class="number">Probability</th>
        <th scope="col" class="bar"></th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

/** Both distributions where an answer departs from the first one. */
export function divergenceSection(
  baseline: ComparedAnswer,
  other: ComparedAnswer,
  { token, agreement }: Divergence,
  nameOf: (artifactId: string) => string,
): SafeHtml {
  const names = [nameOf(baseline.artifactId), nameOf(other.artifactId)] as const;
  return html`<section class="card divergence">
    <p>
      ${names[1]} departs from ${names[0]} at token ${token + 1}. Over the whole answers,
      ${formatPercent(agreement)} of the tokens are the same at the same place.
    </p>
    <div class="pair">
      ${chart(baseline, baseline.tokens[token] ?? null, names[0])}${chart(other, other.tokens[token] ?? null, names[1])}
    </div>
  </section>`;
}
