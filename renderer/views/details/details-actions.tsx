import { Columns2, Gauge, MessageSquare, Package, ShieldCheck } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { Artifact, Checkpoint } from '../../../app/contract/checkpoint.ts';
import { Button } from '../../design/button.tsx';
import { ModelStatus } from '../../design/model-status.tsx';
import { paths } from '../../frame/navigation.ts';
import { isBusy, referenceFor, type ModelWork } from '../../state/model-work.ts';
import { startMeasure, startVerify } from '../../state/start-work.ts';
import { useLibrary, useSchemes } from '../../state/queries.ts';

/** False while the disk that a model lies on is not connected. */
export function useIsAvailable(id: string): boolean {
  const { data: library } = useLibrary();
  const found =
    library?.artifacts.find(({ artifact }) => artifact.id === id) ??
    library?.checkpoints.find(({ checkpoint }) => checkpoint.id === id);
  return found?.available ?? true;
}

/** What is being done with a model now, and the button that has its files checked. */
function VerifyAction({
  id,
  isAvailable,
  work,
}: {
  readonly id: string;
  readonly isAvailable: boolean;
  readonly work: ModelWork;
}): ReactNode {
  const { t } = useTranslation('details');
  return (
    <>
      <span className="details-status" role="status">
        <ModelStatus work={work} />
      </span>
      <Button
        isDisabled={!isAvailable || isBusy(work, 'verify')}
        onPress={() => {
          startVerify(id);
        }}
      >
        <ShieldCheck aria-hidden />
        {t('verify')}
      </Button>
    </>
  );
}

/** What can be done with an artifact. */
export function ArtifactActions({
  artifact,
  work,
}: {
  readonly artifact: Artifact;
  readonly work: ModelWork;
}): ReactNode {
  const { t } = useTranslation('details');
  const [, navigate] = useLocation();
  const { data: library } = useLibrary();
  const isAvailable = useIsAvailable(artifact.id);
  const schemes = useSchemes();
  const reference = referenceFor(library, artifact, schemes);
  return (
    <>
      <VerifyAction id={artifact.id} isAvailable={isAvailable} work={work} />
      <Button
        isDisabled={!isAvailable || isBusy(work, 'evaluate')}
        onPress={() => {
          startMeasure(library, artifact, schemes);
        }}
      >
        <Gauge aria-hidden />
        {t('measure')}
      </Button>
      <Button
        isDisabled={!isAvailable}
        onPress={() => {
          navigate(
            paths.compareOf(reference === null ? [artifact.id] : [reference.id, artifact.id]),
          );
        }}
      >
        <Columns2 aria-hidden />
        {t('compare')}
      </Button>
      <Button
        look="primary"
        isDisabled={!isAvailable}
        onPress={() => {
          navigate(paths.chatWith(artifact.id));
        }}
      >
        <MessageSquare aria-hidden />
        {t('chat')}
      </Button>
    </>
  );
}

/** What can be done with a checkpoint. */
export function CheckpointActions({
  checkpoint,
  work,
}: {
  readonly checkpoint: Checkpoint;
  readonly work: ModelWork;
}): ReactNode {
  const { t } = useTranslation('details');
  const [, navigate] = useLocation();
  const isAvailable = useIsAvailable(checkpoint.id);
  return (
    <>
      <VerifyAction id={checkpoint.id} isAvailable={isAvailable} work={work} />
      <Button
        look="primary"
        isDisabled={!isAvailable}
        onPress={() => {
          navigate(paths.get(checkpoint.id));
        }}
      >
        <Package aria-hidden />
        {t('make')}
      </Button>
    </>
  );
}
