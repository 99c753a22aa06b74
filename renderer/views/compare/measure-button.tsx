import { Ruler } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { toast } from '../../design/toasts.tsx';
import { useJobs } from '../../state/jobs.ts';
import { errorText } from '../../errors/error-words.ts';

/** Measures what was never measured, as a job in the background; the number takes its place when it is done. */
export function MeasureButton({
  artifactId,
  name,
  referenceId,
}: {
  readonly artifactId: string;
  readonly name: string;
  /** Null: perplexity alone. */
  readonly referenceId: string | null;
}): ReactNode {
  const { t } = useTranslation('compare');
  const [isAsking, setAsking] = useState(false);
  const jobs = useJobs();
  const isMeasuring = (jobs ?? []).some(
    ({ request, state }) =>
      request.kind === 'evaluate' &&
      request.id === artifactId &&
      (state === 'queued' || state === 'running'),
  );
  return (
    <Button
      size="small"
      isDisabled={isMeasuring || isAsking}
      onPress={() => {
        setAsking(true);
        engine
          .startJob({
            request: {
              kind: 'evaluate',
              id: artifactId,
              ...(referenceId === null ? {} : { referenceId }),
            },
          })
          .catch((error: unknown) => {
            toast({ text: errorText(error), look: 'danger' });
          })
          .finally(() => {
            setAsking(false);
          });
      }}
    >
      <Ruler aria-hidden />
      {isMeasuring ? t('table.measuring') : t('table.measure')}
      <span className="hidden-visually">{name}</span>
    </Button>
  );
}
