import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { Tabs } from '../../design/tabs.tsx';
import { paths } from '../../frame/navigation.ts';
import type { ModelWork } from '../../state/model-work.ts';
import { ArtifactFacts, ArtifactFigures } from './artifact-figures.tsx';
import { DetailsNotes } from './details-notes.tsx';
import { ErrorTab } from './error-tab.tsx';
import { EvaluationsTab } from './evaluations-tab.tsx';
import { TensorsTab } from './tensors-tab.tsx';
import type { ShownArtifact } from './use-details.ts';
import { WeightsTab } from './weights-tab.tsx';

const tabIds = ['error', 'weights', 'tensors', 'evaluations'] as const;
type TabId = (typeof tabIds)[number];

/** An artifact: its figures, and four ways to look closer. The tab and the chosen tensor are part of the path. */
export function ArtifactDetails({
  shown,
  work,
  tab,
  tensor,
}: {
  readonly shown: ShownArtifact;
  readonly work: ModelWork;
  readonly tab: string | null;
  readonly tensor: string | null;
}): ReactNode {
  const { t } = useTranslation('details');
  const [, navigate] = useLocation();
  const { id } = shown.artifact;
  const value = tabIds.find((known) => known === tab) ?? 'error';
  const go = (to: TabId, chosen: string | null = tensor): void => {
    navigate(paths.details(id, to, chosen ?? undefined), { replace: to === value });
  };
  return (
    <div className="details stack">
      <DetailsNotes id={id} work={work} />
      <section className="card details-head" aria-label={shown.artifact.name}>
        <ArtifactFigures shown={shown} />
        <ArtifactFacts shown={shown} />
      </section>
      <Tabs<TabId>
        label={t('tabs.label')}
        value={value}
        onChange={go}
        tabs={[
          {
            id: 'error',
            label: t('tabs.error'),
            content: (
              <ErrorTab
                shown={shown}
                chosen={tensor}
                onChoose={(name) => {
                  go('error', name);
                }}
                onOpen={(name) => {
                  go('weights', name);
                }}
              />
            ),
          },
          {
            id: 'weights',
            label: t('tabs.weights'),
            content: (
              <WeightsTab
                shown={shown}
                tensor={tensor}
                onChoose={(name) => {
                  go('weights', name);
                }}
              />
            ),
          },
          {
            id: 'tensors',
            label: t('tabs.tensors'),
            content: (
              <TensorsTab
                shown={shown}
                onOpen={(name) => {
                  go('weights', name);
                }}
              />
            ),
          },
          {
            id: 'evaluations',
            label: t('tabs.evaluations'),
            content: <EvaluationsTab shown={shown} work={work} />,
          },
        ]}
      />
    </div>
  );
}
