import { useId, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Comparison } from '../../../../app/contract/comparison.ts';
import { Button } from '../../../design/button.tsx';
import { AnswerColumns, tokenId } from './answer-columns.tsx';
import { BlindVote } from './blind-vote.tsx';
import { BlindWait } from './blind-wait.tsx';
import type { ColumnModel } from './column-model.ts';
import { ComparisonActions } from '../saved/comparison-actions.tsx';
import { DifferencePanel } from './difference-panel.tsx';
import { differenceMarks } from '../logic/alignment.ts';
import { columnLetter } from '../logic/blind.ts';
import type { PromptRun, PromptState } from '../logic/run-state.ts';
import { NumbersTable } from '../numbers-table.tsx';
import { RunFault } from './run-fault.tsx';

export interface PromptResultProps {
  readonly prompt: string;
  readonly state: PromptState;
  readonly comparison: Comparison | null;
  readonly failure: PromptRun['failure'];
  /** In the order in which they are shown. */
  readonly columns: readonly ColumnModel[];
  readonly isBlind: boolean;
  /** Of the prompt within its run; null for a saved comparison. */
  readonly index: number | null;
}

/** A sentence on how far the answers go together, for eye and ear. */
function useVerdict(columns: readonly ColumnModel[]): string {
  const { t } = useTranslation('compare');
  if (columns.length === 0) return '';
  const earliest = differenceMarks(columns.map(({ tokens }) => tokens))[0] ?? null;
  return earliest === null ? t('verdict.equal') : t('verdict.differs', { count: earliest });
}

/** Everything about one prompt: the answers side by side, where they differ, what they cost, what the person prefers. */
export function PromptResult({
  prompt,
  state,
  comparison,
  failure,
  columns,
  isBlind,
  index,
}: PromptResultProps): ReactNode {
  const { t } = useTranslation('compare');
  const baseId = useId();
  const [place, setPlace] = useState<number | null>(null);
  const isHidden = isBlind && state !== 'done';
  const names = columns.map(({ name }, i) =>
    isHidden ? columnLetter(i) : isBlind ? `${columnLetter(i)}: ${name}` : name,
  );
  const isComplete = state === 'done' || state === 'voting';
  const marks = differenceMarks(
    columns.map(({ tokens }) => tokens),
    isComplete,
  );
  const verdict = useVerdict(columns);
  const earliest = marks[0] ?? null;
  if (state === 'waiting')
    return (
      <section className="stack" aria-label={prompt}>
        <Question prompt={prompt} />
        <p className="quiet">{t('run.waitingHint')}</p>
      </section>
    );
  // Blind, nobody may see who is faster: the answers appear together.
  if (isBlind && state === 'running')
    return (
      <section className="stack" aria-label={prompt}>
        <Question prompt={prompt} />
        <BlindWait columns={columns} />
      </section>
    );
  const isBlindFault = isHidden && !isComplete;
  return (
    <section className="stack" aria-label={prompt}>
      <div className="row compare-result-head">
        <Question prompt={prompt} />
        {isHidden || comparison === null ? null : <ComparisonActions comparison={comparison} />}
      </div>
      {state === 'failed' || state === 'stopped' ? (
        <RunFault state={state} failure={failure} columns={columns} isBlind={isBlind} />
      ) : null}
      {isBlindFault ? null : (
        <>
          {isBlind && index !== null && comparison !== null ? (
            <BlindVote
              comparison={comparison}
              ids={columns.map(({ artifactId }) => artifactId)}
              names={columns.map(({ name }) => name)}
              index={index}
              isOpen={state === 'voting'}
            />
          ) : null}
          <div className="row wrap compare-verdict">
            <p className="grow" role="status">
              {isComplete ? verdict : state === 'running' ? t('run.underway') : t('run.cut')}
            </p>
            <Button
              size="small"
              isDisabled={earliest === null}
              onPress={() => {
                if (earliest === null) return;
                setPlace(earliest);
                const token =
                  document.getElementById(tokenId(baseId, 0, earliest)) ??
                  document.getElementById(tokenId(baseId, 1, earliest));
                token?.focus();
                token?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
              }}
            >
              {t('toDifference')}
            </Button>
          </div>
          <AnswerColumns
            baseId={baseId}
            columns={columns}
            names={names}
            marks={marks}
            isHidden={isHidden}
            isComplete={isComplete}
            place={place}
            onPlace={setPlace}
          />
          {isHidden ? null : (
            <NumbersTable columns={columns} names={names} comparison={comparison} />
          )}
          {place === null ? null : (
            <DifferencePanel
              columns={columns}
              names={names}
              marks={marks}
              isHidden={isHidden}
              place={place}
              onPlace={setPlace}
              onClose={() => {
                document.getElementById(tokenId(baseId, 0, place))?.focus();
                setPlace(null);
              }}
            />
          )}
        </>
      )}
    </section>
  );
}

function Question({ prompt }: { readonly prompt: string }): ReactNode {
  return <h2 className="compare-question grow">{prompt}</h2>;
}
