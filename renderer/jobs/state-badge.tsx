import {
  Ban,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleX,
  HardDrive,
  LoaderCircle,
  TriangleAlert,
  Unplug,
  type LucideIcon,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job, JobState } from '../../app/contract/job.ts';
import { foundDamage } from './job-groups.ts';

const looks: Readonly<Record<JobState, { readonly icon: LucideIcon; readonly look: string }>> = {
  queued: { icon: CircleDashed, look: '' },
  running: { icon: LoaderCircle, look: 'accent' },
  paused: { icon: CirclePause, look: 'warn' },
  interrupted: { icon: Unplug, look: 'warn' },
  failed: { icon: CircleX, look: 'danger' },
  cancelled: { icon: Ban, look: '' },
  done: { icon: CircleCheck, look: 'good' },
};

/** The state of a job in a word and a shape. */
export function StateBadge({ job }: { readonly job: Job }): ReactNode {
  const { t } = useTranslation('jobs');
  const waits = job.waitsForDisk && job.state === 'running';
  if (foundDamage(job))
    return (
      <span className="badge job-state danger">
        <TriangleAlert aria-hidden />
        {t('state.damaged')}
      </span>
    );
  const { icon: Icon, look } = waits ? { icon: HardDrive, look: 'warn' } : looks[job.state];
  return (
    <span className={`badge job-state ${look}`}>
      <Icon aria-hidden />
      {waits ? t('state.waitsForDisk') : t(`state.${job.state}`)}
    </span>
  );
}
