import {
  connectionFailure,
  errorReasons,
  isErrorReason,
  type ConnectionFailure,
  type ErrorFacts,
  type ErrorReason,
  type FactKind,
} from '../../../app/contract/error-reasons.ts';
import type { AppError } from '../../../app/contract/error.ts';
import { formatBytes, formatDuration, formatIn } from '../../../app/contract/format.ts';
import { reasons } from './reasons.ts';

/** How a connection failed. */
const connectionWords: Readonly<Record<ConnectionFailure, string>> = {
  'certificate-expired': 'Its certificate has expired.',
  'certificate-not-trusted': 'Its certificate is not trusted.',
  'certificate-of-another': 'Its certificate is for another name.',
  cut: 'The connection was cut.',
  'name-unknown': 'Its name is not known to the network.',
  'no-answer': 'It did not answer in time.',
  'no-name-service': 'Its name cannot be looked up at the moment.',
  'no-network': 'There is no network.',
  'no-route': 'There is no route to it.',
  refused: 'The connection was refused.',
  'stopped-sending': 'It stopped sending.',
  'wrong-length': 'It sent more or less than it said.',
};

function written(kind: FactKind | undefined, value: string | number | undefined): string {
  const failure = kind === 'connection' ? connectionFailure(String(value)) : null;
  // A code without words is shown as it is.
  if (failure !== null) return connectionWords[failure];
  if (typeof value !== 'number') return (value ?? '').replaceAll(/\s+/g, ' ').trim();
  if (kind === 'bytes') return formatBytes(value);
  if (kind === 'seconds') return formatDuration(value * 1000);
  return formatIn('en').whole(value);
}

/** Puts facts into words. */
function filled(words: string, reason: ErrorReason, facts: ErrorFacts): string {
  const kinds: Readonly<Record<string, FactKind>> = errorReasons[reason];
  return words.replaceAll(/\{\{(\w+)\}\}/g, (_all, name: string) =>
    written(kinds[name], facts[name]),
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
