import i18next from 'i18next';
import { formatIn, type Format } from '../../app/contract/format.ts';
import './texts.ts';

/** How numbers are written in the person's language. Read anew at each use: the language can change at any time. */
function current(): Format {
  return formatIn(i18next.language);
}

export const formatBytes: Format['bytes'] = (bytes) => current().bytes(bytes);
export const formatCount: Format['count'] = (count) => current().count(count);
export const formatWhole: Format['whole'] = (value) => current().whole(value);
export const formatFixed: Format['fixed'] = (value, digits) => current().fixed(value, digits);
export const formatDuration: Format['duration'] = (ms) => current().duration(ms);
export const formatRate: Format['rate'] = (perSecond, unit) => current().rate(perSecond, unit);
export const formatDecibels: Format['decibels'] = (db) => current().decibels(db);
export const formatPercent: Format['percent'] = (share, digits) => current().percent(share, digits);
export const formatBits: Format['bits'] = (bits) => current().bits(bits);
export const formatFigure: Format['figure'] = (value, digits) => current().figure(value, digits);
export const formatPerplexity: Format['perplexity'] = (perplexity, error) =>
  current().perplexity(perplexity, error);

/** With the sign that is as wide as a plus, where numbers stand below each other. */
export function withMinus(number: string): string {
  return number.replace(/^-/, '−');
}
