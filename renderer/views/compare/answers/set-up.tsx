import { Play } from 'lucide-react';
import type { KeyboardEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { Button } from '../../../design/button.tsx';
import { Segmented, Switch } from '../../../design/choices.tsx';
import { Disclosure } from '../../../design/disclosure.tsx';
import { TextArea } from '../../../design/fields.tsx';
import { isCommand, keyName } from '../../../frame/keys.ts';
import { ArtifactPicker } from '../artifact-picker.tsx';
import { promptsOf, type Draft } from '../logic/draft.ts';
import { SamplingPanel } from './sampling-panel.tsx';
import { useSamples } from '../saved/use-comparisons.ts';

export interface TabProps {
  readonly artifacts: readonly LibraryArtifact[];
  readonly draft: Draft;
  readonly onChange: (change: Partial<Draft>) => void;
}

/** What to compare, what to ask, how. */
export function SetUp({
  artifacts,
  draft,
  onChange,
  onStart,
  takesFocus,
}: TabProps & {
  readonly onStart: () => void;
  /** When it takes the place of the button that opened it. */
  readonly takesFocus: boolean;
}): ReactNode {
  const { t } = useTranslation('compare');
  const samples = useSamples();
  const prompts = promptsOf(draft);
  const canStart = prompts.length > 0 && draft.ids.length >= 2;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!isCommand(event.nativeEvent, 'enter') || !canStart) return;
    event.preventDefault();
    onStart();
  };
  return (
    <section className="card stack compare-set-up" aria-label={t('setUp')}>
      <ArtifactPicker
        artifacts={artifacts}
        ids={draft.ids}
        onChange={(ids) => {
          onChange({ ids });
        }}
      />
      <div className="stack tight">
        <div className="row wrap">
          <Segmented
            label={t('prompt.mode')}
            value={draft.mode}
            choices={[
              { id: 'one', label: t('prompt.one') },
              { id: 'several', label: t('prompt.several') },
            ]}
            onChange={(mode) => {
              onChange({ mode });
            }}
          />
          <div className="grow" />
          {samples.data === undefined ? null : (
            <Button
              look="plain"
              size="small"
              onPress={() => {
                onChange(
                  draft.mode === 'one'
                    ? { prompt: nextOf(samples.data.prompts, draft.prompt) }
                    : { prompts: samples.data.prompts.slice(0, 5).join('\n') },
                );
              }}
            >
              {draft.mode === 'one' ? t('prompt.suggest') : t('prompt.suggestSeveral')}
            </Button>
          )}
        </div>
        {draft.mode === 'one' ? (
          <TextArea
            label={t('prompt.label')}
            hideLabel
            placeholder={t('prompt.placeholder')}
            rows={2}
            autoFocus={takesFocus}
            value={draft.prompt}
            onChange={(prompt) => {
              onChange({ prompt });
            }}
            onKeyDown={onKeyDown}
          />
        ) : (
          <TextArea
            label={t('prompt.severalLabel')}
            hideLabel
            placeholder={t('prompt.severalPlaceholder')}
            hint={t('prompt.count', { count: prompts.length })}
            rows={4}
            autoFocus={takesFocus}
            value={draft.prompts}
            onChange={(prompts) => {
              onChange({ prompts });
            }}
            onKeyDown={onKeyDown}
          />
        )}
      </div>
      <div className="compare-options">
        <div className="stack tight">
          <Segmented
            label={t('arrangement.label')}
            value={draft.arrangement}
            choices={[
              { id: 'together', label: t('arrangement.together') },
              { id: 'alone', label: t('arrangement.alone') },
            ]}
            onChange={(arrangement) => {
              onChange({ arrangement });
            }}
          />
          <p className="quiet">
            {draft.arrangement === 'together'
              ? t('arrangement.togetherHint')
              : t('arrangement.aloneHint')}
          </p>
        </div>
        <div className="stack tight">
          <div className="compare-switch">
            <Switch
              isSelected={draft.isBlind}
              onChange={(isBlind) => {
                onChange({ isBlind });
              }}
            >
              {t('blind.label')}
            </Switch>
          </div>
          <p className="quiet">{t('blind.hint')}</p>
        </div>
      </div>
      <Disclosure title={t('settings.title')}>
        <SamplingPanel draft={draft} onChange={onChange} />
      </Disclosure>
      <div className="row compare-start">
        <p className="quiet grow">
          {canStart ? t('startHint', { keys: keyName('↵') }) : t('startMissing')}
        </p>
        <Button look="primary" isDisabled={!canStart} onPress={onStart}>
          <Play aria-hidden />
          {draft.mode === 'several' && prompts.length > 1
            ? t('startSeveral', { count: prompts.length })
            : t('start')}
        </Button>
      </div>
    </section>
  );
}

/** The sample after the one that is there: a second press offers another. */
function nextOf(prompts: readonly string[], current: string): string {
  return prompts[(prompts.indexOf(current) + 1) % prompts.length] ?? current;
}
