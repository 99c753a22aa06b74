import { describe, expect, it } from 'vitest';
import { defaultLimits } from '../../../../app/run/template/budget.ts';
import { compileTemplate, type RenderOptions } from '../../../../app/run/template/template.ts';

const grow = (start: string, step: string, shown: string): string =>
  `{% set ns = namespace(v=${start}) %}{% for i in range(99) %}{% set ns.v = ${step} %}{% endfor %}{{ ${shown} }}`;

const repeated = (part: string, times = 60_000): string => part.repeat(times);

/** What ends a template; every one of them would run for minutes or take gigabytes. */
const hostile: readonly (readonly [string, string])[] = [
  ['steps', '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}'],
  [
    'steps',
    "{% set s = 'a' * 1000000 %}{% for i in range(9999) %}{% set x = s.find('ab') %}{% endfor %}",
  ],
  ['steps', "{% set s = '🐶' * 100000 %}{% for i in range(9999) %}{% set x = s[i] %}{% endfor %}"],
  [
    'steps',
    "{% set s = 'a' * 1000000 %}{% for i in range(9999) %}{% set x = s < s ~ 'b' %}{% endfor %}",
  ],
  ['memory', grow("'aaaa'", 'ns.v ~ ns.v', 'ns.v')],
  ['memory', grow('[1]', 'ns.v + ns.v', 'ns.v')],
  ['steps', grow('[1]', '[ns.v, ns.v]', 'ns.v')],
  ['steps', grow('[1]', '[ns.v, ns.v]', 'ns.v|tojson')],
  ['memory', grow('(1,)', '(ns.v, ns.v)', '{ns.v: 1}')],
  ['memory', "{{ 'a'.center(999999999) }}"],
  ['memory', "{{ '{:999999999}'.format(1) }}"],
  ['memory', "{{ ('a' * 1000000).replace('a', 'b' * 1000) }}"],
  ['memory', "{{ ('a' * 1000000).join('b' * 1000) }}"],
  ['memory', "{{ ('a' * 1000000).translate({97: 'b' * 10000}) }}"],
  ['memory', "{{ range(1000)|list|tojson(separators=('x' * 1000000, 'y')) }}"],
  ['memory', '{{ [1]|batch(99999999, 0)|list }}'],
  ['output', "{% for i in range(9999) %}{{ 'x' * 1000 }}{% endfor %}"],
  ['depth', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'],
  ['depth', '{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}'],
  ['depth', '{% block b %}{{ self.b() }}{% endblock %}'],
  ['depth', `{{ ${repeated('(')}`],
  ['depth', repeated('{% if 1 %}', 20_000)],
  ['depth', `{{ 1${repeated('+1')} }}`],
  ['depth', `{{ a${repeated('.b')} }}`],
  ['depth', `{{ ${repeated('not ')}1 }}`],
];

function limitOf(source: string, options?: RenderOptions): unknown {
  try {
    return compileTemplate(source).render({}, options).length;
  } catch (error) {
    return error instanceof Error && 'limit' in error ? (error.limit ?? error.message) : error;
  }
}

describe('a template that uses too much', () => {
  it.each(hostile.map(([limit, source]) => [limit, source.slice(0, 80), source]))(
    'is ended at its %s: %s',
    (limit, _, source) => {
      const limits = { ...defaultLimits, steps: 3_000_000 };
      expect(limitOf(source, { limits })).toBe(limit);
    },
  );

  it('is ended when its time is over', () => {
    let ms = 0;
    const clock = (): number => (ms += 4_000);
    expect(limitOf('{% for a in range(99999) %}{% endfor %}', { clock })).toBe('time');
  });

  it('is read in time that grows with its length', () => {
    const sources = [
      `{% raw %}${repeated('{% endraw', 25_000)}`,
      `{{${' '.repeat(250_000)}`,
      repeated('{#', 120_000),
      `{{ ${repeated('1_')} }}`,
      `{{ '${repeated('\\\\')}`,
    ];
    for (const source of sources) expect(() => compileTemplate(source)).toThrow();
    const many = Array.from(
      { length: 6_000 },
      (_, i) => `{% if a %}{% set a${i} = 1 %}{% endif %}`,
    );
    expect(limitOf(many.join(''))).toBe(0);
  });

  it('searches long texts for long ones without trying every pair of places', () => {
    const source =
      "{% set s = 'a' * 500000 %}{% set t = 'a' * 200000 ~ 'b' %}{{ s.find(t) }} {{ t in s }} {{ s.rfind('b' ~ t) }} {{ (s ~ t).find(t) }}";
    expect(compileTemplate(source).render({})).toBe('-1 False -1 500000');
  });

  it('prints and computes ints of the size that Python does', () => {
    expect(limitOf('{{ (2 ** 14000)|string|length }}')).toBe(4);
    expect(limitOf('{{ 10 ** 4300 }}')).toMatch(/Exceeds the limit/);
    expect(limitOf('{{ 9 ** (9 ** 9) }}')).toMatch(/too large/);
  });
});
