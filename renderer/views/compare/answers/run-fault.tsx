import { RotateCcw } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../../design/button.tsx';
import { Note } from '../../../design/notes.tsx';
import { ErrorNote } from '../../../errors/error-note.tsx';
import type { ColumnModel } from './column-model.ts';
import type { PromptRun } from '../logic/run-state.ts';
import { goOn } from './run-session.ts';

/** A comparison that was cut short: what happened, what each column has, and the way on. */
export function RunFault({
  state,
  failure,
  columns,
  isBlind,
}: {
  readonly state: 'failed' | 'stopped';
  readonly failure: PromptRun['failure'];
  readonly columns: readonly ColumnModel[];
  readonly isBlind: boolean;
}): ReactNode {
  const { t } = useTranslation('compare');
  const actions = (
    <Button autoFocus onPress={() => void goOn()}>
      <RotateCcw aria-hidden />
      {t('fault.again')}
    </Button>
  );
  const list = isBlind ? (
    <p>{t('fault.blind')}</p>
  ) : (
    <ul className="compare-fault-list">
      {columns.map(({ name, phase, tokens }, i) => (
        <li key={i}>
          {phase === 'done'
            ? t('fault.complete', { name, count: tokens.length })
            : tokens.length > 0
              ? t('fault.partial', { name, count: tokens.length })
              : t('fault.nothing', { name })}
        </li>
      ))}
    </ul>
  );
  if (state === 'failed' && failure !== null)
    return (
      <div className="stack tight">
        {/* The engine names the artifact that failed, which a blind run must not. */}
        <ErrorNote
          error={isBlind ? { ...failure, message: t('fault.blindMessage') } : failure}
          actions={actions}
        />
        {list}
      </div>
    );
  return (
    <Note actions={actions}>
      <strong>{t('fault.stopped')}</strong>
      {list}
    </Note>
  );
}
