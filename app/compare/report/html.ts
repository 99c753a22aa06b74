/**
 * HTML that cannot be broken out of: the one place where text becomes markup. What a model said and what a person called
 * it is hostile; whatever is put into the template is escaped unless the template itself made it.
 */

/** Markup that was made by `html`, and so is safe to put into more of it. */
export class SafeHtml {
  readonly markup: string;

  /** Only for `html` and for text that is written here in the source. */
  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What may stand in a template; null and false stand for nothing. */
export type HtmlValue = string | number | SafeHtml | readonly SafeHtml[] | null | false;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  // Old browsers take it for a quote around an attribute.
  '`': '&#96;',
};

/** Control characters but tab and line feed: no page may hold them, and they could hide what follows. */
// eslint-disable-next-line no-control-regex -- they are what it is about
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text that is safe between tags and inside quoted attributes. Carriage returns before a line feed are dropped. */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('\r\n', '\n')
    .replace(controls, '\ufffd')
    .replace(/[&<>"'`]/g, (character) => entities[character] ?? '');
}

function markupOf(value: HtmlValue): string {
  if (value === null || value === false) return '';
  if (value instanceof SafeHtml) return value.markup;
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  return value.map(({ markup }) => markup).join('');
}

/** Template tag: everything put in is escaped. Attributes must be in double quotes. */
export function html(texts: TemplateStringsArray, ...values: readonly HtmlValue[]): SafeHtml {
  return new SafeHtml(
    texts.map((text, i) => text + (i < values.length ? markupOf(values[i] ?? null) : '')).join(''),
  );
}
