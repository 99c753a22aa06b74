import { createHash } from 'node:crypto';
import type { ComparedAnswer, Comparison } from '../../contract/comparison.ts';
import { formatBytes, formatDuration, formatPercent, formatRate } from '../../contract/format.ts';
import type { Sampling } from '../../contract/sampling.ts';
import { schemeLook } from './scheme-look.ts';
import { html, SafeHtml } from './html.ts';
import { markedText, markedToken, divergenceSection } from './first-divergence.ts';
import { reportStyle } from './style.ts';

export interface ReportOptions {
  readonly comparison: Comparison;
  /** What a person calls an artifact; its id where it is gone. */
  readonly nameOf: (artifactId: string) => string;
  /** Version of Nibble. */
  readonly version: string;
  /** When the report is written. */
  readonly now: Date;
}

const stopWords = {
  'stop-token': 'ended by itself',
  'max-tokens': 'reached the limit',
  'context-full': 'context full',
  cancelled: 'stopped',
} as const;

const EM_DASH = '–';

function dateText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

function samplingText(sampling: Sampling): string {
  const { temperature, topK, topP, minP, repetitionPenalty, seed } = sampling;
  if (temperature === 0)
    return `greedy: always the most likely token${repetitionPenalty === 1 ? '' : ` · repetition penalty ${repetitionPenalty}`} · seed ${seed}`;
  return [
    `temperature ${temperature}`,
    topK > 0 ? `top-k ${topK}` : '',
    topP < 1 ? `top-p ${topP}` : '',
    minP > 0 ? `min-p ${minP}` : '',
    repetitionPenalty === 1 ? '' : `repetition penalty ${repetitionPenalty}`,
    `seed ${seed}`,
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

function rateText(rate: number | null): string {
  return rate === null ? EM_DASH : formatRate(rate, 'tokens');
}

function schemeBadge({ scheme }: ComparedAnswer): SafeHtml {
  return html`<span class="scheme"
    ><svg class="swatch" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      <rect width="10" height="10" rx="2" /></svg
    >${schemeLook(scheme).label}</span
  >`;
}

/** How the check of the weights behind an answer ended. */
function checkWords({ weightsCheck }: ComparedAnswer): string {
  switch (weightsCheck) {
    case 'verified':
      return 'verified: the bytes were hashed and are what was recorded';
    case 'checking':
      return 'as recorded, not checked';
    case 'unverified':
      return 'not verified: the files were written to';
    case undefined:
      return 'as recorded; made before weights were checked';
  }
}

function column(
  { comparison, nameOf }: ReportOptions,
  answer: ComparedAnswer,
  index: number,
): SafeHtml {
  const { bits } = schemeLook(answer.scheme);
  const { statistics, memory } = answer;
  return html`<article class="card column bits-${bits}">
    <h3>${nameOf(answer.artifactId)}</h3>
    ${schemeBadge(answer)}
    <div class="facts">
      ${formatBytes(answer.weightsBytes)} of weights · ${formatBytes(memory.residentBytes)} in
      memory · ${rateText(statistics.decodeRate)}<br />weights
      <code>${answer.weightsSha256.slice(0, 12)}</code>
      ${answer.weightsCheck === 'verified' ? '(verified)' : '(not verified)'}
    </div>
    <div class="answer">${markedText(answer, markedToken(comparison, index))}</div>
  </article>`;
}

function numbersTable({ comparison, nameOf }: ReportOptions): SafeHtml {
  const rows = comparison.answers.map((answer, i) => {
    const { statistics, memory } = answer;
    const divergence = i === 0 ? undefined : comparison.divergences[i - 1];
    const same =
      i === 0 || divergence === undefined ? EM_DASH : formatPercent(divergence?.agreement ?? 1);
    return html`<tr class="bits-${schemeLook(answer.scheme).bits}">
      <th scope="row">${nameOf(answer.artifactId)}<br />${schemeBadge(answer)}</th>
      <td class="number">${formatBytes(answer.weightsBytes)}</td>
      <td class="number">${formatBytes(memory.residentBytes)}</td>
      <td class="number">${formatDuration(answer.loadMs)}</td>
      <td class="number">${formatDuration(statistics.timeToFirstTokenMs)}</td>
      <td class="number">${rateText(statistics.prefillRate)}</td>
      <td class="number">${rateText(statistics.decodeRate)}</td>
      <td class="number">${statistics.generatedTokens}</td>
      <td>${stopWords[statistics.stop]}</td>
      <td class="number">${same}</td>
    </tr>`;
  });
  return html`<div class="card wide">
    <table>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col" class="number">Weights</th>
          <th scope="col" class="number">Memory</th>
          <th scope="col" class="number">Load</th>
          <th scope="col" class="number">First token</th>
          <th scope="col" class="number">Reading</th>
          <th scope="col" class="number">Writing</th>
          <th scope="col" class="number">Tokens</th>
          <th scope="col">End</th>
          <th scope="col" class="number">Same tokens</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

function hashesTable({ comparison, nameOf }: ReportOptions): SafeHtml {
  return html`<div class="card wide">
    <table>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col">Weights fingerprint</th>
          <th scope="col">Check</th>
        </tr>
      </thead>
      <tbody>
        ${comparison.answers.map(
          (answer) =>
            html`<tr>
              <th scope="row">${nameOf(answer.artifactId)}</th>
              <td><code>${answer.weightsSha256}</code></td>
              <td>${checkWords(answer)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function votesSection({ comparison, nameOf }: ReportOptions): SafeHtml | null {
  const { votes } = comparison;
  if (votes.length === 0) return null;
  return html`<h2>Votes</h2>
    <div class="card wide">
      <table>
        <thead>
          <tr>
            <th scope="col">Preferred</th>
            <th scope="col">Names</th>
            <th scope="col">Cast</th>
          </tr>
        </thead>
        <tbody>
          ${votes.map(
            (vote) =>
              html`<tr>
                <th scope="row">
                  ${vote.artifactId === null ? 'No difference' : nameOf(vote.artifactId)}
                </th>
                <td>${vote.blind ? 'hidden' : 'shown'}</td>
                <td>${dateText(vote.createdAt)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

function divergences({ comparison, nameOf }: ReportOptions): SafeHtml {
  const [baseline, ...others] = comparison.answers;
  if (baseline === undefined) return html``;
  const sections = others.map((other, i) => {
    const divergence = comparison.divergences[i] ?? null;
    return divergence === null
      ? html`<p class="card divergence">
          ${nameOf(other.artifactId)} said the same as ${nameOf(baseline.artifactId)}, token by
          token.
        </p>`
      : divergenceSection(baseline, other, divergence, nameOf);
  });
  return html`<h2>Where they part</h2>
    ${sections}`;
}

/** Put together here, byte for byte as it is hashed: a space more and the page's own policy refuses it. */
const styleElement = new SafeHtml(`<style>${reportStyle}</style>`);

/**
 * A comparison as one HTML page that needs nothing else: no script, no network, no fonts of its own. Its policy lets
 * nothing run or load but its own style, named by hash; every text in it is escaped.
 */
export function comparisonReport(options: ReportOptions): string {
  const { comparison, version, now } = options;
  const { prompt, system, sampling, arrangement, answers } = comparison;
  const styleHash = createHash('sha256').update(reportStyle).digest('base64');
  const how =
    arrangement === 'together'
      ? 'all at the same time, sharing the processor'
      : 'one after the other, each alone on the processor';
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'"
        />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="color-scheme" content="light dark" />
        <title>Comparison: ${prompt.slice(0, 80)}</title>
        ${styleElement}
      </head>
      <body>
        <header>
          <h1>Comparison of ${answers.length} models</h1>
          <p class="quiet">
            ${dateText(comparison.createdAt)} · ${samplingText(sampling)} · answered ${how}
          </p>
        </header>
        <main>
          <div class="card questions">
            ${
              system !== null &&
              html`<div class="said">
                <span class="label">System</span>
                <div class="prompt">${system}</div>
              </div>`
            }
            <div class="said">
              <span class="label">Prompt</span>
              <div class="prompt">${prompt}</div>
            </div>
          </div>
          <h2>Answers</h2>
          ${comparison.divergences.some((divergence) => divergence !== null) && html`<p class="quiet">The first token that differs from the first answer is <mark>marked</mark>.</p>`}
          <div class="columns">${answers.map((answer, i) => column(options, answer, i))}</div>
          ${divergences(options)}
          <h2>Numbers</h2>
          ${numbersTable(options)} ${votesSection(options)}
          <h2>Provenance</h2>
          ${hashesTable(options)}
        </main>
        <footer class="quiet">
          Written by Nibble ${version} on ${dateText(now.toISOString())}.
        </footer>
      </body>
    </html> `.markup;
}

/** A name for the report's file: `nibble-comparison-12-2026-02-01.html`. */
export function reportFileName({ id, createdAt }: Comparison): string {
  const date = /^\d{4}-\d{2}-\d{2}/.exec(createdAt)?.[0] ?? 'undated';
  return `nibble-comparison-${id ?? 'new'}-${date}.html`;
}
