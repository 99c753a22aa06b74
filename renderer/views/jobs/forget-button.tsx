import { Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../app/contract/job.ts';
import { IconButton } from '../../design/button.tsx';

/** Takes an ended job off the list. */
export function ForgetButton({
  job,
  onForget,
}: {
  readonly job: Job;
  readonly onForget: (job: Job) => void;
}): ReactNode {
  const { t } = useTranslation('jobs');
  return (
    <IconButton
      size="small"
      label={t('forgetNamed', { subject: job.subject })}
      onPress={() => {
        onForget(job);
      }}
    >
      <Trash2 aria-hidden />
    </IconButton>
  );
}
