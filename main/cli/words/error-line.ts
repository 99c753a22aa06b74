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
  CERT_HAS_EXPIRED: 'Its certificate has expired.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Its certificate is not trusted.',
  EAI_AGAIN: 'Its name cannot be looked up at the moment.',
  ECONNREFUSED: 'The connection was refused.',
  ECONNRESET: 'The connection was cut.',
  EHOSTUNREACH: 'There is no route to it.',
  ENETDOWN: 'There is no network.',
  ENETUNREACH: 'There is no network.',
  ENOTFOUND: 'Its name is not known to the network.',
  EPIPE: 'The connection was cut.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another name.',
  ETIMEDOUT: 'It did not answer in time.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Its certificate is not trusted.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Its certificate is not trusted.',
  UND_ERR_BODY_TIMEOUT: 'It stopped sending.',
  UND_ERR_CONNECT_TIMEOUT: 'It did not answer in time.',
  UND_ERR_HEADERS_TIMEOUT: 'It did not answer in time.',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'It sent more or less than it said.',
  UND_ERR_SOCKET: 'The connection was cut.',
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
