import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Sampling } from '../../../../app/contract/sampling.ts';
import { NumberField, TextArea } from '../../../design/fields.tsx';
import { useHeldModels } from '../../../state/loaded-models.ts';
import { Presets } from './presets.tsx';
import { Recommendation } from '../recommendation.tsx';
import { SamplingFields } from './sampling-fields.tsx';
import type { ChatSettings } from './use-chat-settings.ts';

/** Most tokens of an answer that the engine takes. */
const MOST_TOKENS = 1_000_000;

/** How the model is asked in this chat. */
export function SettingsPanel({ settings }: { readonly settings: ChatSettings }): ReactNode {
  const { t } = useTranslation('chat');
  const { artifactId, system, sampling, maxTokens, isChosen, change } = settings;
  const held = useHeldModels().find((model) => model.artifactId === artifactId);
  const setSampling = (next: Sampling): void => {
    change({ sampling: next });
  };
  return (
    <aside className="chat-settings" aria-label={t('settings.title')}>
      <h2>{t('settings.title')}</h2>
      <section className="stack" aria-label={t('settings.system')}>
        <TextArea
          label={t('settings.system')}
          hint={t('settings.systemHint')}
          value={system}
          rows={4}
          onChange={(value) => {
            change({ system: value });
          }}
        />
      </section>
      <section className="stack" aria-label={t('settings.sampling')}>
        <h3>{t('settings.sampling')}</h3>
        {isChosen ? null : <p className="quiet">{t('settings.modelChooses')}</p>}
        {held === undefined || held.loaded === null ? null : (
          <Recommendation
            sampling={sampling}
            recommended={held.loaded.recommendedSampling}
            onChange={setSampling}
          />
        )}
        <SamplingFields sampling={sampling} onChange={setSampling} />
      </section>
      {held === undefined || held.loaded === null || held.loaded.device === 'cpu' ? null : (
        <p className="quiet">{t('settings.onGpu', { reason: held.loaded.deviceReason ?? '' })}</p>
      )}
      <section aria-label={t('settings.maxTokens')}>
        <NumberField
          label={t('settings.maxTokens')}
          hint={t('settings.maxTokensHint')}
          value={maxTokens}
          minValue={1}
          maxValue={MOST_TOKENS}
          step={1}
          onChange={(value) => {
            if (Number.isFinite(value)) change({ maxTokens: value });
          }}
        />
      </section>
      <section className="stack tight" aria-label={t('settings.presets')}>
        <h3>{t('settings.presets')}</h3>
        <Presets
          system={system}
          sampling={sampling}
          onApply={(nextSystem, nextSampling) => {
            change({ system: nextSystem, sampling: nextSampling });
          }}
        />
      </section>
    </aside>
  );
}
