import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ScoredText } from '../../../../app/contract/comparison.ts';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { Segmented } from '../../../design/choices.tsx';
import { KlChart } from './kl-chart.tsx';
import { KlLegend } from './kl-legend.tsx';
import { mostChanged } from '../logic/scoring.ts';
import { MostChanged } from './most-changed.tsx';
import { ReadingNumbers } from './scoring-numbers.tsx';
import { ScoredTokens } from './scored-tokens.tsx';
import { TokenReadout } from './token-readout.tsx';

/** A text as the versions read it: coloured by how far each prediction moved, with everything behind the colours. */
export function ReadingResult({
  scored,
  artifacts,
}: {
  readonly scored: ScoredText;
  readonly artifacts: readonly LibraryArtifact[];
}): ReactNode {
  const { t } = useTranslation('compare');
  const others = scored.columns.filter(({ artifactId }) => artifactId !== scored.referenceId);
  const reference = scored.columns.find(({ artifactId }) => artifactId === scored.referenceId);
  const [shownId, setShownId] = useState<string | null>(null);
  const [place, setPlace] = useState<number | null>(null);
  const shown = others.find(({ artifactId }) => artifactId === shownId) ?? others[0];
  const nameOf = (id: string): string =>
    artifacts.find(({ artifact }) => artifact.id === id)?.artifact.name ?? id;
  if (shown === undefined || reference === undefined) return null;
  const jump = (to: number): void => {
    setPlace(to);
    const token = document.getElementById(`compare-read-${to}`);
    token?.focus();
    token?.scrollIntoView({ block: 'center' });
  };
  const worst = mostChanged(shown.kl);
  return (
    <div className="stack">
      <ReadingNumbers scored={scored} artifacts={artifacts} />
      {others.length < 2 ? null : (
        <Segmented
          label={t('read.shown')}
          value={shown.artifactId}
          choices={others.map(({ artifactId }) => ({
            id: artifactId,
            label: nameOf(artifactId),
          }))}
          onChange={setShownId}
        />
      )}
      <div className="compare-reading">
        <section className="card stack tight" aria-label={t('read.coloured')}>
          <div className="compare-readout-bar">
            <KlLegend />
            <TokenReadout
              tokens={scored.tokens}
              column={shown}
              reference={reference}
              place={place}
              name={nameOf(shown.artifactId)}
              referenceName={nameOf(scored.referenceId)}
            />
          </div>
          <ScoredTokens
            tokens={scored.tokens}
            kl={shown.kl}
            label={t('read.tokensOf', { name: nameOf(shown.artifactId) })}
            place={place}
            onPlace={setPlace}
          />
        </section>
        <div className="stack">
          <section className="card">
            <KlChart scored={scored} column={shown} name={nameOf(shown.artifactId)} />
          </section>
          <MostChanged tokens={scored.tokens} kl={shown.kl} places={worst} onJump={jump} />
        </div>
      </div>
    </div>
  );
}
