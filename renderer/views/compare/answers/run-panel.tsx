import { Check, CircleAlert, Circle, LoaderCircle, Square, Vote } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { Button } from '../../../design/button.tsx';
import { columnsOfRun } from './column-model.ts';
import { blindOrder } from '../logic/blind.ts';
import { currentPrompt, type PromptState, type Run } from '../logic/run-state.ts';
import { PromptResult } from './prompt-result.tsx';

const stateIcons: Readonly<Record<PromptState, ReactNode>> = {
  waiting: <Circle aria-hidden />,
  running: <LoaderCircle aria-hidden className="compare-turning" />,
  voting: <Vote aria-hidden />,
  done: <Check aria-hidden />,
  failed: <CircleAlert aria-hidden />,
  stopped: <Square aria-hidden />,
};

/** The prompts of a run, and the one that is looked at: the current one until the person picks another. */
export function RunPanel({
  run,
  artifacts,
}: {
  readonly run: Run;
  readonly artifacts: readonly LibraryArtifact[];
}): ReactNode {
  const { t } = useTranslation('compare');
  const [picked, setPicked] = useState<{
    readonly run: Run['request'];
    readonly index: number;
  } | null>(null);
  const current = currentPrompt(run);
  const lastAsked = run.prompts.findLastIndex(({ state }) => state !== 'waiting');
  const shown = picked?.run === run.request ? picked.index : (current ?? Math.max(0, lastAsked));
  const prompt = run.prompts[shown];
  if (prompt === undefined) return null;
  const { isBlind, secret } = run.request;
  const columns = columnsOfRun(prompt, artifacts);
  const order = isBlind
    ? blindOrder(columns.length, secret, shown)
    : columns.map((_, position) => position);
  return (
    <div className="stack">
      {run.prompts.length > 1 ? (
        <nav className="row wrap compare-prompts" aria-label={t('run.prompts')}>
          {run.prompts.map(({ prompt: text, state }, i) => (
            <Button
              key={text}
              size="small"
              look="plain"
              className={`compare-prompt ${i === shown ? 'here' : ''} ${state}`}
              onPress={() => {
                setPicked(i === current ? null : { run: run.request, index: i });
              }}
            >
              {stateIcons[state]}
              <span className="hidden-visually">
                {t('run.promptState', { n: i + 1, state: t(`run.${state}`) })}
              </span>
              <span aria-hidden>{i + 1}</span>
            </Button>
          ))}
          {current !== null && current !== shown ? (
            <Button
              size="small"
              onPress={() => {
                setPicked(null);
              }}
            >
              {t('run.toCurrent')}
            </Button>
          ) : null}
        </nav>
      ) : null}
      <PromptResult
        key={`${secret}-${shown}`}
        prompt={prompt.prompt}
        state={prompt.state}
        comparison={prompt.comparison}
        failure={prompt.failure}
        columns={order.flatMap((i) => columns[i] ?? [])}
        isBlind={isBlind}
        index={shown}
      />
    </div>
  );
}
