import { useState, type ReactNode } from 'react';
import { newSecret } from '../logic/blind.ts';
import { promptsOf } from '../logic/draft.ts';
import { currentPrompt } from '../logic/run-state.ts';
import { RunPanel } from './run-panel.tsx';
import { clearRun, startRun, useRun } from './run-session.ts';
import { SetUp, type TabProps } from './set-up.tsx';
import { SetUpSummary } from './set-up-summary.tsx';

/** Sets up a comparison, and shows the one that goes on or was the last. */
export function AnswersTab({ artifacts, draft, onChange }: TabProps): ReactNode {
  const run = useRun();
  const [isOpen, setOpen] = useState(run === null);
  const isRunning = run !== null && currentPrompt(run) !== null;
  const start = (): void => {
    const chosen = draft.ids.flatMap(
      (id) => artifacts.find(({ artifact }) => artifact.id === id)?.artifact ?? [],
    );
    clearRun();
    startRun(
      {
        ids: chosen.map(({ id }) => id),
        names: chosen.map(({ name }) => name),
        system: draft.system,
        sampling: draft.sampling,
        maxTokens: draft.maxTokens,
        arrangement: draft.arrangement,
        isBlind: draft.isBlind,
        secret: newSecret(),
      },
      promptsOf(draft),
    );
    setOpen(false);
  };
  return (
    <div className="stack">
      {isOpen && !isRunning ? (
        <SetUp
          artifacts={artifacts}
          draft={draft}
          onChange={onChange}
          onStart={start}
          takesFocus={run !== null}
        />
      ) : run === null ? null : (
        <SetUpSummary
          run={run}
          artifacts={artifacts}
          onEdit={() => {
            // A blind run that still waits for votes ends here; its answers are saved.
            if (isRunning) clearRun();
            setOpen(true);
          }}
        />
      )}
      {run === null ? null : <RunPanel run={run} artifacts={artifacts} />}
    </div>
  );
}
