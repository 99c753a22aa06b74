import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Comparison } from '../../../../app/contract/comparison.ts';
import { Button } from '../../../design/button.tsx';
import { FailureNote } from '../../../errors/error-note.tsx';
import { ballotOfKey, columnLetter, unblind, type Ballot } from '../logic/blind.ts';
import { castVote } from './run-session.ts';

export interface BlindVoteProps {
  readonly comparison: Comparison;
  /** In the order of the columns on the screen. */
  readonly ids: readonly string[];
  readonly names: readonly string[];
  /** Of the prompt within its run. */
  readonly index: number;
  /** False once the vote is cast: then it says what was hidden. */
  readonly isOpen: boolean;
}

/** Asks which answer is better while nobody knows whose it is; then says whose it was. */
export function BlindVote({ comparison, ids, names, index, isOpen }: BlindVoteProps): ReactNode {
  const { t } = useTranslation('compare');
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const revealed = useRef<HTMLParagraphElement>(null);
  const hadVote = useRef(false);
  const count = ids.length;
  const vote = useCallback(
    (ballot: Ballot): void => {
      setSending(true);
      setFailure(null);
      hadVote.current = true;
      const order = ids.map((_, position) => position);
      castVote(index, unblind(ballot, order, ids)).then(
        () => {
          setSending(false);
        },
        (error: unknown) => {
          setSending(false);
          setFailure(error);
        },
      );
    },
    [ids, index],
  );
  useEffect(() => {
    if (!isOpen || isSending) return undefined;
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const { target } = event;
      if (target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      const ballot = ballotOfKey(event.key, count);
      if (ballot === null) return;
      event.preventDefault();
      vote(ballot);
    };
    window.addEventListener('keydown', onKeyDown);
    return () => {
      window.removeEventListener('keydown', onKeyDown);
    };
  }, [count, isOpen, isSending, vote]);
  useEffect(() => {
    // The pressed button is gone.
    if (!isOpen && hadVote.current) revealed.current?.focus();
  }, [isOpen]);

  if (!isOpen) {
    const chosen = comparison.votes.at(-1);
    const at = ids.indexOf(chosen?.artifactId ?? '');
    return (
      <p className="note compare-revealed" ref={revealed} tabIndex={-1}>
        <span>
          <strong>
            {chosen === undefined || chosen.artifactId === null
              ? t('vote.wasTie')
              : t('vote.was', { letter: columnLetter(at), name: names[at] ?? chosen.artifactId })}
          </strong>{' '}
          {names.map((name, i) => t('vote.reveal', { letter: columnLetter(i), name })).join(' · ')}
        </span>
      </p>
    );
  }
  return (
    <div className="card stack tight compare-vote" role="group" aria-label={t('vote.question')}>
      <div className="row wrap">
        <h3 className="grow">{t('vote.question')}</h3>
        {ids.map((_, i) => (
          <Button
            key={i}
            isDisabled={isSending}
            onPress={() => {
              vote(i);
            }}
          >
            {columnLetter(i)} <kbd aria-hidden>{i + 1}</kbd>
          </Button>
        ))}
        <Button
          isDisabled={isSending}
          onPress={() => {
            vote('tie');
          }}
        >
          {t('vote.tie')} <kbd aria-hidden>0</kbd>
        </Button>
      </div>
      {failure === null ? null : <FailureNote failure={failure} />}
    </div>
  );
}
