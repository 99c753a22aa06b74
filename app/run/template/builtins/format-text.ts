import { failed } from '../failure.ts';
import { formatValue } from './format-spec.ts';
import { print, repr } from '../print.ts';
import type { Runtime } from '../runtime.ts';
import { isPrintable } from '../text.ts';
import { Dict, type Value } from '../values.ts';

/** Fields within the format of a field, as deep as Python reads them. */
const MAX_FIELD_DEPTH = 2;

/** The names of a field: `0.name[key]`. */
function fieldParts(field: string): {
  first: string;
  rest: { isAttribute: boolean; name: string }[];
} {
  const first = /^[^.[]*/.exec(field)?.[0] ?? '';
  const rest: { isAttribute: boolean; name: string }[] = [];
  let at = first.length;
  const part = /\.([^.[]+)|\[([^\]]+)\]/y;
  while (at < field.length) {
    part.lastIndex = at;
    const found = part.exec(field);
    if (found === null) throw failed('Empty attribute in format string');
    rest.push({ isAttribute: found[1] !== undefined, name: found[1] ?? found[2] ?? '' });
    at = part.lastIndex;
  }
  return { first, rest };
}

/** Python's str.format and format_map, with the sandbox's rules for attributes. */
export class TextFormatter {
  private readonly runtime: Runtime;
  private readonly args: readonly Value[];
  private readonly named: (name: string) => Value | undefined;
  /** Null once a field was numbered by hand; then no other may count by itself, nor the other way round. */
  private nextIndex: number | null = 0;

  constructor(
    runtime: Runtime,
    args: readonly Value[],
    named: (name: string) => Value | undefined,
  ) {
    this.runtime = runtime;
    this.args = args;
    this.named = named;
  }

  format(template: string, depth = MAX_FIELD_DEPTH): string {
    if (depth < 0) throw failed('Max string recursion exceeded');
    this.runtime.budget.text(template.length);
    const brace = /[{}]/g;
    let out = '';
    let at = 0;
    while (at < template.length) {
      const character = template.charAt(at);
      const isDouble = template.charAt(at + 1) === character;
      if ((character === '{' || character === '}') && isDouble) {
        out += character;
        at += 2;
      } else if (character === '{') {
        const end = fieldEnd(template, at + 1);
        out += this.field(template.slice(at + 1, end), depth);
        at = end + 1;
      } else if (character === '}') throw failed("Single '}' encountered in format string");
      else {
        brace.lastIndex = at;
        const stop = brace.exec(template)?.index ?? template.length;
        out += template.slice(at, stop);
        at = stop;
      }
      this.runtime.budget.spend(1);
    }
    this.runtime.budget.text(out.length);
    return out;
  }

  private field(field: string, depth: number): string {
    const [, name = '', conversion, , specification = ''] =
      /^((?:[^![:]|\[[^\]]*\])*)(?:!(.))?(:(.*))?$/su.exec(field) ?? [];
    let value = this.value(name);
    if (conversion === 's') value = print(value, this.runtime.budget);
    else if (conversion === 'r' || conversion === 'a') {
      const text = repr(value, this.runtime.budget);
      value =
        conversion === 'r'
          ? text
          : Array.from(text, (c) =>
              (c.codePointAt(0) ?? 0) < 128 || !isPrintable(c)
                ? c
                : `\\${(c.codePointAt(0) ?? 0) > 0xffff ? 'U' : (c.codePointAt(0) ?? 0) > 0xff ? 'u' : 'x'}${(c.codePointAt(0) ?? 0).toString(16).padStart((c.codePointAt(0) ?? 0) > 0xffff ? 8 : (c.codePointAt(0) ?? 0) > 0xff ? 4 : 2, '0')}`,
            ).join('');
    } else if (conversion !== undefined) throw failed(`Unknown conversion specifier ${conversion}`);
    const spec = specification.includes('{')
      ? this.format(specification, depth - 1)
      : specification;
    return formatValue(value, spec, this.runtime.budget);
  }

  private value(name: string): Value {
    const { first, rest } = fieldParts(name);
    let value: Value | undefined;
    if (first === '' || /^\d+$/.test(first)) {
      if (first === '' && this.nextIndex === null)
        throw failed('cannot switch from manual field specification to automatic field numbering');
      const index = first === '' ? (this.nextIndex ?? 0) : Number(first);
      if (first !== '' && (this.nextIndex ?? 0) > 0)
        throw failed('cannot switch from automatic field numbering to manual field specification');
      this.nextIndex = first === '' ? index + 1 : null;
      value = this.args[index];
      if (value === undefined)
        throw failed(`Replacement index ${index} out of range for positional args tuple`);
    } else {
      value = this.named(first);
      if (value === undefined) throw failed(`KeyError: '${first}'`);
    }
    for (const part of rest)
      value = part.isAttribute
        ? this.runtime.attribute(value, part.name)
        : this.runtime.item(value, /^\d+$/.test(part.name) ? BigInt(part.name) : part.name);
    return value;
  }
}

/** Where a field ends, fields within its format passed over. */
function fieldEnd(template: string, start: number): number {
  let depth = 1;
  for (let at = start; at < template.length; at++) {
    const character = template.charAt(at);
    if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return at;
  }
  throw failed("expected '}' before end of string");
}

/** format_map's values. */
export function namedBy(mapping: Value): (name: string) => Value | undefined {
  if (!(mapping instanceof Dict)) throw failed('format_map() needs a mapping');
  return (name) => mapping.get(name);
}
