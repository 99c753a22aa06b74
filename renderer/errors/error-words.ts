import i18next from 'i18next';
import {
  connectionFailure,
  errorReasons,
  isErrorReason,
  type ErrorFacts,
  type ErrorReason,
  type FactKind,
} from '../../app/contract/error-reasons.ts';
import { toAppError, type AppError } from '../../app/contract/error.ts';
import { reasons as german } from '../texts/de/reasons.ts';
import { reasons as english } from '../texts/en/reasons.ts';
import { formatBytes, formatDuration, formatWhole } from '../texts/format.ts';
import { textKey } from '../texts/text-key.ts';
import '../texts/texts.ts';

/** An error as the engine sends it, and as jobs and answers keep it. */
export type ToldError = Pick<AppError, 'code' | 'message'> &
  Partial<Pick<AppError, 'reason' | 'facts'>>;

/** An error in the person's words. */
export interface ErrorWords {
  readonly title: string;
  /** What happened; empty where the title says all that can be said here. */
  readonly what: string;
  /** What to do; empty where there is nothing. */
  readonly next: string;
  /** What the engine said, for a report; only where no words of ours say it. */
  readonly details: string | null;
}

/** Longest text of a stranger in a sentence: a name or an address is shorter. */
const LONGEST_FACT = 300;
/** What hides or turns round the text after it, and line breaks. */
const DISTURBING = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]+/gu;

function written(kind: FactKind, value: string | number): string {
  if (kind === 'connection') {
    const failure = connectionFailure(String(value));
    // The system's code says nothing to most people; that there is no connection is said beside it.
    return failure === null ? '' : i18next.t(`errors:connection.${textKey(failure)}`);
  }
  if (kind === 'text' || typeof value === 'string') {
    const text = String(value).replace(DISTURBING, ' ').trim();
    return text.length > LONGEST_FACT ? `${text.slice(0, LONGEST_FACT)}…` : text;
  }
  if (kind === 'bytes') return formatBytes(value);
  if (kind === 'seconds') return formatDuration(value * 1000);
  return formatWhole(value);
}

/** The facts of a reason as words of the person's language. */
export function writtenFacts(reason: ErrorReason, facts: ErrorFacts): Record<string, string> {
  const kinds: Readonly<Record<string, FactKind>> = errorReasons[reason];
  return Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [name, written(kind, facts[name] ?? '')]),
  );
}

/** Puts facts into words. Not by i18next, which would read what a stranger wrote once more. */
function filled(words: string, values: Readonly<Record<string, string>>): string {
  return words.replaceAll(/\{\{(\w+)\}\}/g, (_all, name: string) => values[name] ?? '');
}

/** One full stop where a fact that ends in one stands at the end of a sentence. */
function tidy(text: string): string {
  return text
    .replaceAll(/([.!?])\.(?=\s|$)/g, '$1')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
}

/** Words that only a person at a command line can use. */
const COMMAND_LINE =
  /(?:^|\s)--[a-z]|\bnibble (?:list|show|pull|quantize|verify|remove|chat|generate|doctor|search|inspect|serve|eval)\b|\bHF_[A-Z]|\bNIBBLE_[A-Z]|same command|npm run/;

/** What Node writes of a failed call of the system: `ENOENT: no such file or directory, open '/models/x'`. */
const SYSTEM_ERROR = /\bE[A-Z0-9]{2,}: [^,]+, \w+(?: '([^']*)')?(?: -> '[^']*')?/g;

/** What the engine said, as far as it is of use in a window. */
function engineWords(message: string): string {
  return message
    .replace(SYSTEM_ERROR, '$1')
    .replace(/: *(?=\.?$)/, '')
    .replace(DISTURBING, ' ')
    .split(/(?<=[.!?])\s+/)
    .filter((sentence) => !COMMAND_LINE.test(sentence))
    .join(' ');
}

/**
 * Words an error for this window: by its reason where that has words, else by its code with the engine's own message.
 * The engine's remedy is never shown: it is written for the command line.
 */
export function errorWords({ code, message, reason = null, facts = {} }: ToldError): ErrorWords {
  const title = i18next.t(`errors:${textKey(code)}.title`);
  const next = i18next.t(`errors:${textKey(code)}.next`);
  if (isErrorReason(reason)) {
    const values = writtenFacts(reason, facts);
    const words = (i18next.language === 'de' ? german : english)[reason];
    return {
      title,
      what: tidy(filled(words.what, values)),
      next: tidy(filled(words.next, values)),
      details: null,
    };
  }
  // What a fault of ours says (SQLite, the system) means nothing to most people: it is there for a report.
  if (code === 'internal' || code === 'kernel-failed')
    return { title, what: '', next, details: message === '' ? null : message };
  return { title, what: tidy(engineWords(message)), next, details: null };
}

/** The same of anything thrown in one line, for toasts and beside a field. */
export function errorText(thrown: unknown): string {
  const { title, what, next } = errorWords(toAppError(thrown));
  return [what === '' ? `${title}.` : what, next].filter((part) => part !== '').join(' ');
}

/** What happened in one sentence, where what to do is said elsewhere. */
export function errorSentence(error: ToldError): string {
  const { title, what } = errorWords(error);
  return what === '' ? title : what;
}
