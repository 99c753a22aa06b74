import { ArrowRight } from 'lucide-react';
import { useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { LinkButton } from '../../design/link-button.tsx';
import { SearchField } from '../../design/fields.tsx';
import { Note } from '../../design/notes.tsx';
import { paths } from '../../frame/navigation.ts';
import { readTyped, type Typed } from './model-name.ts';
import { OtherWays } from './other-ways.tsx';
import { SearchResults } from './search-results.tsx';
import { useSourceHub } from './use-download.ts';

/** Where Enter leads: to what was named, or to the first result. */
function targetOf(typed: Typed): string | null {
  if (typed.kind === 'repository') return paths.get(typed.source);
  return typed.kind === 'folder' ? paths.get(typed.directory) : null;
}

/** What the hub is asked for: also for a full name, so that its neighbours are found. */
function queryOf(typed: Typed): string {
  if (typed.kind === 'query') return typed.text;
  return typed.kind === 'repository' ? (typed.source.split('@')[0] ?? '') : '';
}

/** Step one: a search, a name, a folder. */
export function ChooseStep(): ReactNode {
  const { t } = useTranslation('get');
  const [text, setText] = useState('');
  const [, navigate] = useLocation();
  const found = useRef<HTMLDivElement>(null);
  const typed = readTyped(text);
  const target = targetOf(typed);
  const { otherHub, host } = useSourceHub(typed.kind === 'repository' ? text.trim() : null);
  const query = queryOf(typed);
  const toResults = (event: KeyboardEvent): void => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const links = [...(found.current?.querySelectorAll<HTMLElement>('a') ?? [])];
    const at = links.findIndex((link) => link === document.activeElement);
    const next = links[at + (event.key === 'ArrowDown' ? 1 : -1)];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  };
  return (
    // The arrow keys only add to what Tab and Enter do.
    <div className="stack" onKeyDown={toResults}>
      <div className="stack tight">
        <SearchField
          label={t('search.label')}
          value={text}
          onChange={setText}
          onSubmit={() => {
            if (target !== null) navigate(target);
            else found.current?.querySelector<HTMLElement>('a')?.click();
          }}
          autoFocus
          className="get-search"
        />
        <p className="quiet get-hint">{t('search.hint')}</p>
      </div>
      <div ref={found} className="stack tight">
        {target === null ? null : (
          <LinkButton to={target} look="primary" className="get-use">
            <span className="ellipsis">
              {typed.kind === 'folder'
                ? t('search.useFolder', { name: typed.directory })
                : t('search.use', { name: typed.kind === 'repository' ? typed.source : '' })}
            </span>
            <ArrowRight aria-hidden />
          </LinkButton>
        )}
        {otherHub === null || host === null ? null : (
          <Note
            kind="warn"
            actions={
              <LinkButton to={paths.settingsAt('hub')} size="small">
                {t('search.otherHubSettings')}
              </LinkButton>
            }
          >
            <p>{t('search.otherHub', { other: otherHub, host })}</p>
          </Note>
        )}
        {query === '' ? null : <SearchResults query={query} />}
      </div>
      {typed.kind === 'nothing' ? <OtherWays /> : null}
    </div>
  );
}
