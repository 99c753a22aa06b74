import { BookOpen, Square } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../../design/button.tsx';
import { TextArea } from '../../../design/fields.tsx';
import { Note } from '../../../design/notes.tsx';
import { ErrorNote } from '../../../errors/error-note.tsx';
import { ProgressFigure, ProgressLine } from '../../../design/progress-line.tsx';
import type { TabProps } from '../answers/set-up.tsx';
import { ArtifactPicker } from '../artifact-picker.tsx';
import { excerptOf } from '../logic/scoring.ts';
import { ReadingResult } from './scoring-result.tsx';
import { startReading, stopReading, useReading } from './scoring-session.ts';
import { useSamples } from '../saved/use-comparisons.ts';

const KEY = 'nibble.compare.text';

function readKept(): string {
  try {
    return localStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** Has several versions read one text, so that their predictions can be compared word by word without drifting apart. */
export function ReadingTab({ artifacts, draft, onChange }: TabProps): ReactNode {
  const { t } = useTranslation('compare');
  const reading = useReading();
  const samples = useSamples();
  const [text, setText] = useState(readKept);
  const change = (next: string): void => {
    setText(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // A browser that keeps nothing: the text lasts as long as the page.
    }
  };
  const canStart = text.trim() !== '' && draft.ids.length >= 2;
  const start = (): void => {
    void startReading(draft.ids, text);
  };
  const isReading = reading.state === 'reading';
  return (
    <div className="stack">
      <section className="card stack compare-set-up" aria-label={t('read.setUp')}>
        <p className="quiet">{t('read.hint')}</p>
        <ArtifactPicker
          artifacts={artifacts}
          ids={draft.ids}
          onChange={(ids) => {
            onChange({ ids });
          }}
        />
        <TextArea
          label={t('read.text')}
          placeholder={t('read.placeholder')}
          hint={t('read.limit')}
          rows={4}
          value={text}
          onChange={change}
        />
        <div className="row wrap compare-start">
          <Button
            look="plain"
            isDisabled={samples.data === undefined}
            onPress={() => {
              change(excerptOf(samples.data?.heldOutText ?? ''));
            }}
          >
            <BookOpen aria-hidden />
            {t('read.sample')}
          </Button>
          <div className="grow" />
          {isReading ? (
            <Button autoFocus onPress={stopReading}>
              <Square aria-hidden />
              {t('stop')}
            </Button>
          ) : (
            <Button look="primary" isDisabled={!canStart} onPress={start}>
              {t('read.start')}
            </Button>
          )}
        </div>
        {reading.state !== 'reading' ? null : reading.progress === null ? (
          <ProgressFigure label={t('read.starting')} words="" fraction={null} />
        ) : (
          <ProgressLine
            label={t('read.reading', { name: reading.progress.detail ?? '' })}
            progress={reading.progress}
          />
        )}
      </section>
      {reading.state === 'failed' ? (
        <ErrorNote
          error={reading.failure}
          actions={<Button onPress={start}>{t('fault.again')}</Button>}
        />
      ) : null}
      {reading.state === 'stopped' ? <Note>{t('read.stopped')}</Note> : null}
      {reading.state === 'done' ? (
        <ReadingResult scored={reading.scored} artifacts={artifacts} />
      ) : null}
    </div>
  );
}
