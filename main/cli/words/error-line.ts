import {
  errorReasons,
  isErrorReason,
  type ErrorFacts,
  type ErrorReason,
  type FactKind,
} from '../../../app/contract/error-reasons.ts';
import type { AppError } from '../../../app/contract/error.ts';
import { formatBytes, formatDuration, formatIn } from '../../../app/contract/format.ts';
import { reasons } from './reasons.ts';

function written(kind: FactKind | undefined, value: string | number | undefined): string {
  if (typeof value !== 'number') return (value ?? '').replaceAll(/\s+/g, ' ').trim();
  if (kind === 'bytes') return formatBytes(value);
  if (kind === 'seconds') return formatDuration(value * 1000);
  return formatIn('en').whole(value);
}

/** What the system's codes of a failed connection mean; others are shown as they are. */
const connectionFailures: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'Its name cannot be looked up at the moment.',
  ECONNREFUSED: 'The connection was refused.',
  ECONNRESET: 'The connection was cut.',
  EHOSTUNREACH: 'There is no route to it.',
  ENETUNREACH: 'There is no network.',
  ENOTFOUND: 'Its name is not known to the network.',
  ETIMEDOUT: 'It did not answer in time.',
};

/** Puts facts into words. */
function filled(words: string, reason: ErrorReason, facts: ErrorFacts): string {
  const kinds: Readonly<Record<string, FactKind>> = errorReasons[reason];
  return words.replaceAll(/\{\{(\w+)\}\}/g, (_all, name: string) =>
    name === 'cause'
      ? (connectionFailures[String(facts[name])] ?? written(kinds[name], facts[name]))
      : written(kinds[name], facts[name]),
  );
}

/** What happened and what to do, for a person at a terminal: by the reason, else in the engine's own words. */
function wordsOf({ message, remedy, reason, facts }: AppError): readonly [string, string] {
  if (!isErrorReason(reason)) return [message, remedy ?? ''];
  const words = reasons[reason];
  return [filled(words.what, reason, facts), filled(words.remedy, reason, facts)];
}

/** One line: what happened and what to do. It is not cleaned: the writer to the terminal does that. */
export function errorLine(error: AppError): string {
  const [said, remedy] = wordsOf(error);
  const what = said.replaceAll(/\s*\n\s*/g, ' ').trim();
  const end = /[.!?]$/.test(what) ? '' : '.';
  return `nibble: ${what}${end}${remedy === '' ? '' : ` ${remedy}`}`.replaceAll(
    /([.!?])\.(?=\s|$)/g,
    '$1',
  );
}
