import { Trash2 } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Preset } from '../../../../app/contract/conversation.ts';
import type { Sampling } from '../../../../app/contract/sampling.ts';
import { Button, IconButton } from '../../../design/button.tsx';
import { toast } from '../../../design/toasts.tsx';
import { useSettings, useUpdateSettings } from '../../../state/queries.ts';
import { NameDialog } from '../conversations/name-dialog.tsx';
import { errorText } from '../../../errors/error-words.ts';

/** Longest name of a preset that the engine takes. */
const MOST_LETTERS = 100;

/** Named prompts and samplings: apply, save, delete. */
export function Presets({
  system,
  sampling,
  onApply,
}: {
  readonly system: string;
  readonly sampling: Sampling;
  readonly onApply: (system: string, sampling: Sampling) => void;
}): ReactNode {
  const { t } = useTranslation(['chat', 'common']);
  const { presets } = useSettings();
  const { mutate } = useUpdateSettings();
  const [isNaming, setNaming] = useState(false);
  const store = (next: readonly Preset[], after?: () => void): void => {
    mutate(
      { presets: [...next] },
      {
        onSuccess: () => after?.(),
        onError: (thrown) => {
          toast({
            text: t('chat:settings.failed', { reason: errorText(thrown) }),
            look: 'danger',
          });
        },
      },
    );
  };
  const remove = (preset: Preset, button: Element | null): void => {
    const row = button?.closest('li');
    const beside = row?.nextElementSibling ?? row?.previousElementSibling;
    const next =
      beside?.querySelector<HTMLElement>('button') ??
      document.querySelector<HTMLElement>('.chat-preset-save');
    next?.focus();
    store(
      presets.filter(({ id }) => id !== preset.id),
      () => {
        toast({
          text: t('chat:settings.presetDeleted', { name: preset.name }),
          action: {
            label: t('common:undo'),
            onAction: () => {
              store(presets);
            },
          },
        });
      },
    );
  };
  const named = (name: string): Preset | undefined =>
    presets.find((preset) => preset.name === name);
  return (
    <div className="stack tight">
      {presets.length === 0 ? (
        <p className="quiet">{t('chat:settings.noPresets')}</p>
      ) : (
        <ul className="chat-presets">
          {presets.map((preset) => (
            <li key={preset.id} className="row">
              <Button
                look="plain"
                size="small"
                className="grow chat-preset"
                onPress={() => {
                  onApply(preset.system, { ...preset.sampling, seed: sampling.seed });
                  toast({
                    text: t('chat:settings.presetApplied', { name: preset.name }),
                    look: 'good',
                  });
                }}
              >
                <span className="hidden-visually">
                  {t('chat:settings.applyPreset', { name: preset.name })}
                </span>
                <span aria-hidden className="ellipsis">
                  {preset.name}
                </span>
              </Button>
              <IconButton
                size="small"
                label={t('chat:settings.presetDelete', { name: preset.name })}
                onPress={({ target }) => {
                  remove(preset, target);
                }}
              >
                <Trash2 aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <Button
        size="small"
        className="chat-preset-save"
        onPress={() => {
          setNaming(true);
        }}
      >
        {t('chat:settings.savePreset')}
      </Button>
      {isNaming ? (
        <NameDialog
          title={t('chat:settings.savePreset')}
          label={t('chat:settings.presetName')}
          initial=""
          maxLength={MOST_LETTERS}
          hintFor={(name) =>
            named(name) === undefined ? undefined : t('chat:settings.presetExists')
          }
          onClose={() => {
            setNaming(false);
          }}
          onSave={(name) => {
            const { temperature, topK, topP, minP, repetitionPenalty } = sampling;
            const id = named(name)?.id ?? crypto.randomUUID();
            store([
              ...presets.filter((preset) => preset.id !== id),
              {
                id,
                name,
                system,
                sampling: { temperature, topK, topP, minP, repetitionPenalty },
              },
            ]);
          }}
        />
      ) : null}
    </div>
  );
}
