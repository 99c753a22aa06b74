import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { SAMPLE_SOURCE } from '../../../app/contract/inspection.ts';
import { LinkButton } from '../../design/link-button.tsx';
import { Skeleton } from '../../design/skeleton.tsx';
import { View } from '../../design/view.tsx';
import { paths } from '../../frame/navigation.ts';
import '../../jobs/jobs.css';
import { useJobs } from '../../state/jobs.ts';
import { ChooseStep } from './choose-step.tsx';
import { Facts } from './model-facts.tsx';
import { InspectionFailure } from './inspection-failure.tsx';
import { JobStep } from './job-step.tsx';
import { shownName } from './model-name.ts';
import { PlanStep } from './plan-step.tsx';
import { useInspection, useMakeJob } from './use-download.ts';
import './download.css';

/** The shape of what comes, while headers are read. */
function Reading(): ReactNode {
  const { t } = useTranslation('get');
  return (
    <div className="stack" aria-busy="true">
      <p role="status" className="quiet">
        {t('reading')}
      </p>
      <div className="card">
        <Skeleton height={92} />
      </div>
      <div className="card">
        <Skeleton height={380} />
      </div>
    </div>
  );
}

function Chosen({ source }: { readonly source: string }): ReactNode {
  const job = useMakeJob(source);
  const isKnown = useJobs() !== null;
  const { data: inspection, error, refetch } = useInspection(source);
  // A running job needs no hub to be watched.
  const facts = inspection === undefined ? null : <Facts inspection={inspection} />;
  if (job !== null)
    return (
      <>
        <JobStep source={source} job={job} />
        {facts}
      </>
    );
  if (error !== null)
    return <InspectionFailure source={source} failure={error} onRetry={() => void refetch()} />;
  if (inspection === undefined || !isKnown) return <Reading />;
  return (
    <>
      {facts}
      <PlanStep inspection={inspection} />
    </>
  );
}

/** The wizard, on one page: what, which versions, how it goes, what came of it. `source` null: nothing is chosen yet. */
export function GetView({ source }: { readonly source: string | null }): ReactNode {
  const { t } = useTranslation('get');
  const name =
    source === null ? null : source === SAMPLE_SOURCE ? t('ways.sample') : shownName(source);
  return (
    <View
      title={name === null ? t('title') : <bdi>{name}</bdi>}
      actions={source === null ? null : <LinkButton to={paths.get()}>{t('another')}</LinkButton>}
    >
      <div className="view-column stack">
        {source === null ? <ChooseStep /> : <Chosen key={source} source={source} />}
      </div>
    </View>
  );
}
