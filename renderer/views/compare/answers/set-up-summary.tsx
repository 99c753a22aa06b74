import { Pencil, Square } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { Button } from '../../../design/button.tsx';
import { currentPrompt, type Run } from '../logic/run-state.ts';
import { stopRun } from './run-session.ts';

/** The set-up folded into a line, so that the answers have the room; with the button that matters now. */
export function SetUpSummary({
  run,
  artifacts,
  onEdit,
}: {
  readonly run: Run;
  readonly artifacts: readonly LibraryArtifact[];
  readonly onEdit: () => void;
}): ReactNode {
  const { t } = useTranslation('compare');
  const { request, prompts } = run;
  const names = request.ids.map(
    (id, i) =>
      artifacts.find(({ artifact }) => artifact.id === id)?.artifact.name ?? request.names[i] ?? id,
  );
  const current = currentPrompt(run);
  const lastAsked = prompts.findLastIndex(({ state }) => state !== 'waiting');
  const isAnswering = prompts.some(({ state }) => state === 'running');
  return (
    <div className="row compare-summary">
      <div className="grow">
        <p className="ellipsis">
          <strong>{names.join(t('summary.versus'))}</strong>
        </p>
        <p className="quiet ellipsis" aria-live="polite">
          {[
            ...(prompts.length > 1
              ? [
                  t('summary.promptOf', {
                    n: (current ?? Math.max(0, lastAsked)) + 1,
                    of: prompts.length,
                  }),
                ]
              : []),
            request.arrangement === 'together' ? t('arrangement.together') : t('arrangement.alone'),
            ...(request.isBlind ? [t('blind.on')] : []),
          ].join(' · ')}
        </p>
      </div>
      {/* One button for both, so that it keeps the focus when the run ends. */}
      <Button autoFocus onPress={isAnswering ? stopRun : onEdit}>
        {isAnswering ? <Square aria-hidden /> : <Pencil aria-hidden />}
        {isAnswering ? t('stop') : t('summary.edit')}
      </Button>
    </div>
  );
}
