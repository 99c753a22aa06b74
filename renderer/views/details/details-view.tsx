import { ArrowLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../design/button.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../design/skeleton.tsx';
import { View } from '../../design/view.tsx';
import { paths } from '../../frame/navigation.ts';
import { ArtifactDetails } from './artifact-details.tsx';
import { CheckpointDetails } from './checkpoint-details.tsx';
import { ArtifactActions, CheckpointActions } from './details-actions.tsx';
import { useDetails } from './use-details.ts';
import './details.css';

export interface DetailsViewProps {
  /** Of an artifact or a checkpoint. */
  readonly id: string;
  /** What of it is shown; null: the first. */
  readonly tab: string | null;
  readonly tensor: string | null;
}

/** The shape of what comes: figures, tabs, a picture. */
function DetailsSkeleton(): ReactNode {
  return (
    <Waiting className="stack">
      <Skeleton height={132} />
      <Skeleton width={320} height={32} />
      <Skeleton height={280} />
    </Waiting>
  );
}

/** Everything about one artifact, or about one checkpoint and what was made from it. */
export function DetailsView({ id, tab, tensor }: DetailsViewProps): ReactNode {
  const { t } = useTranslation('details');
  const { t: words } = useTranslation();
  const { data: shown, error, refetch, work } = useDetails(id);
  const name =
    shown === undefined
      ? null
      : shown.kind === 'artifact'
        ? shown.artifact.name
        : shown.checkpoint.name;
  return (
    <View
      title={
        <span className="details-title">
          <a
            href={`#${paths.library}`}
            className="button icon plain small"
            aria-label={t('backToLibrary')}
          >
            <ArrowLeft aria-hidden />
          </a>
          <span className="ellipsis">{name ?? t('title')}</span>
        </span>
      }
      actions={
        shown === undefined ? null : shown.kind === 'artifact' ? (
          <ArtifactActions artifact={shown.artifact} work={work} />
        ) : (
          <CheckpointActions checkpoint={shown.checkpoint} work={work} />
        )
      }
    >
      {shown === undefined ? (
        error === null ? (
          <DetailsSkeleton />
        ) : (
          <FailureNote
            failure={error}
            actions={
              <>
                <Button onPress={() => void refetch()}>{words('retry')}</Button>
                <LinkButton to={paths.library}>{t('backToLibrary')}</LinkButton>
              </>
            }
          />
        )
      ) : shown.kind === 'artifact' ? (
        <ArtifactDetails shown={shown} work={work} tab={tab} tensor={tensor} />
      ) : (
        <CheckpointDetails shown={shown} work={work} />
      )}
    </View>
  );
}
