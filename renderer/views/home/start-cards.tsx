import { Columns2, Download, MessageSquare, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useSchemeTexts } from '../../design/scheme.tsx';
import { paths } from '../../frame/navigation.ts';
import type { QuickStart } from './quick-start.ts';

function StartCard({
  icon: Icon,
  to,
  title,
  hint,
}: {
  readonly icon: LucideIcon;
  readonly to: string;
  readonly title: string;
  readonly hint: string;
}): ReactNode {
  return (
    <li>
      <Link href={`#${to}`} className="card home-start">
        <Icon aria-hidden />
        <span className="grow">
          <span className="home-start-title">{title}</span>
          <span className="quiet">{hint}</span>
        </span>
      </Link>
    </li>
  );
}

/** The three things a person with models most likely wants. */
export function StartCards({ start }: { readonly start: QuickStart }): ReactNode {
  const { t } = useTranslation('home');
  const texts = useSchemeTexts();
  const { chatWith, isLastUsed, compare } = start;
  return (
    <nav aria-label={t('start.title')}>
      <ul className="home-starts">
        <StartCard
          icon={MessageSquare}
          to={paths.chatWith(chatWith.id)}
          title={t('start.chat', { name: chatWith.name })}
          hint={t(isLastUsed ? 'start.chatHint' : 'start.chatHintNew')}
        />
        <StartCard
          icon={Columns2}
          to={
            compare === null
              ? paths.get(chatWith.checkpointId)
              : paths.compareOf(compare.map(({ id }) => id))
          }
          title={t('start.compare')}
          hint={
            compare === null
              ? t('start.compareNone')
              : t('start.compareHint', {
                  a: texts(compare[0].scheme).label,
                  b: texts(compare[1].scheme).label,
                })
          }
        />
        <StartCard
          icon={Download}
          to={paths.get()}
          title={t('start.get')}
          hint={t('start.getHint')}
        />
      </ul>
    </nav>
  );
}
