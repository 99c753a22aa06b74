import { MessageSquareText } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../design/button.tsx';
import { focusComposer } from './focus-composer.ts';
import { draftOf, type DraftOf } from './drafts.ts';

/** What an empty chat shows: what happens here, and three things to try. */
export function NewChat({ draftOf: of }: { readonly draftOf: DraftOf }): ReactNode {
  const { t } = useTranslation('chat');
  return (
    <div className="chat-begin">
      <MessageSquareText aria-hidden />
      <h2>{t('begin.title')}</h2>
      <p className="quiet">{t('begin.hint')}</p>
      <ul aria-label={t('begin.suggestions')} className="chat-suggestions">
        {(['fact', 'story', 'sum'] as const).map((name) => (
          <li key={name}>
            <Button
              onPress={() => {
                draftOf(of).write(t(`begin.${name}`));
                focusComposer();
              }}
            >
              {t(`begin.${name}`)}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
