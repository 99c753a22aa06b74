import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { requestedDeviceSchema } from '../../../app/contract/device.ts';
import { Segmented } from '../../design/choices.tsx';
import { Explained } from '../../design/tips.tsx';
import { useDoctor, useSettings } from '../../state/queries.ts';
import { KeptField } from './saved-field.tsx';
import { limits, readNumber } from './limits.ts';
import { Row, Section } from './setting-row.tsx';
import { useChange } from './use-change.ts';

/** The numbers of models that the contract allows. */
const HELD = ['1', '2', '3', '4', '5', '6', '7', '8'] as const;

/** As the contract allows them for a chat. */
const CACHES = ['f16', 'int8'] as const;

export function Running(): ReactNode {
  const { t } = useTranslation(['settings', 'schemes']);
  const settings = useSettings();
  const change = useChange();
  const { data: doctor } = useDoctor();
  const invalid = ({ min, max }: { readonly min: number; readonly max: number }): string =>
    t('invalid.number', { min, max });
  return (
    <Section id="running" title={t('running.title')}>
      <Row label={t('running.device')} hint={t('running.deviceHint')}>
        <Segmented
          label={t('running.device')}
          value={settings.device}
          onChange={(device) => {
            change({ device });
          }}
          choices={requestedDeviceSchema.options.map((id) => ({
            id,
            label: t(`running.devices.${id}`),
          }))}
        />
      </Row>
      <Row
        label={t('running.threads')}
        hint={t('running.threadsHint', { cores: doctor?.processor.cores ?? '…' })}
      >
        <KeptField
          label={t('running.threads')}
          kept={settings.threads?.toString() ?? ''}
          read={(text) => readNumber(text, limits.threads)}
          onKeep={(threads) => {
            change({ threads });
          }}
          invalid={invalid(limits.threads)}
          placeholder={t('running.empty')}
          className="settings-narrow"
        />
      </Row>
      <Row
        label={
          <Explained text={t('schemes:terms.contextLength.explanation')}>
            {t('settings:running.context')}
          </Explained>
        }
        hint={t('running.contextHint')}
      >
        <div className="row">
          <KeptField
            label={t('running.context')}
            kept={settings.contextLength?.toString() ?? ''}
            read={(text) => readNumber(text, limits.contextLength)}
            onKeep={(contextLength) => {
              change({ contextLength });
            }}
            invalid={invalid(limits.contextLength)}
            placeholder={t('running.empty')}
            className="settings-narrow"
          />
          <span className="quiet">{t('running.contextUnit')}</span>
        </div>
      </Row>
      <Row label={t('running.cache')} hint={t('running.cacheHint')}>
        <Segmented
          label={t('running.cache')}
          value={settings.cacheType}
          onChange={(cacheType) => {
            change({ cacheType });
          }}
          choices={CACHES.map((id) => ({ id, label: t(`running.caches.${id}`) }))}
        />
      </Row>
      <Row label={t('running.held')} hint={t('running.heldHint')}>
        <Segmented
          label={t('running.held')}
          value={HELD.find((count) => Number(count) === settings.heldModels) ?? '2'}
          onChange={(count) => {
            change({ heldModels: Number(count) });
          }}
          choices={HELD.map((count) => ({ id: count, label: count }))}
        />
      </Row>
    </Section>
  );
}
