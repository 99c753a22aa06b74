// Changes of chat templates: pieces that loop, grow, nest and end where they must not.
import { mutateBytes } from './mutate-bytes.ts';
import type { Random } from './random.ts';

const templateParts = [
  '{% for i in range(1000000000) %}{% endfor %}',
  '{% for a in messages %}{% for b in range(100000) %}{{ b }}{% endfor %}{% endfor %}',
  "{{ 'x' * 100000000 }}",
  '{% set ns = namespace(x="a") %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}',
  '{{ messages | tojson }}',
  "{{ ''.join(messages) }}",
  '{{ messages[0].content.split("") | length }}',
  '{{ raise_exception("no") }}',
  '{{ (((((((((((((((((1))))))))))))))))) }}',
  '{% if messages[0] is defined and messages[9999].content %}x{% endif %}',
  '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
  '{{ strftime_now("%Y") }}',
  '{{ messages.constructor.constructor("return process")() }}',
  '{% raw %}',
  '{#',
  '{{',
  '%}',
  '{%- endfor -%}',
  '{{ bos_token ~ none ~ 1/0 ~ -1 % 0 }}',
];

/** What methods and filters are asked of, with, and which: every one of them may make more than it was given. */
const receivers = [
  "'a'",
  "('a' * 1000000)",
  "('a b\\n' * 200000)",
  "('\u00df\\t' * 100000)",
  "'%999999999d %s'",
  "'{:999999999} {}'",
  '[1, 2]',
  '([0] * 90000)',
  'range(99999)',
  '(2 ** 14000)',
  '1.5',
  "{'a': 1}",
  'messages',
  'none',
];
const methods =
  'capitalize casefold center count endswith expandtabs find format format_map index isalnum isdigit istitle items join keys ljust lower lstrip partition removeprefix replace rfind rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title translate upper values zfill'.split(
    ' ',
  );
const filters =
  'abs attr batch capitalize center default dictsort escape filesizeformat first float forceescape format groupby indent int items join last length list lower map max min pprint reject replace reverse round safe select selectattr slice sort string striptags sum title tojson trim truncate unique upper urlencode wordcount wordwrap xmlattr'.split(
    ' ',
  );
const givens = [
  '0',
  '-1',
  '3',
  '999999999',
  '(2 ** 62)',
  '1.5',
  "''",
  "'a'",
  "('b' * 100000)",
  "{97: 'b' * 10000}",
  "['a', 'b']",
  '([0] * 90000)',
  'messages',
  'none',
];

/** A call that asks one of them for something absurd. */
function absurdCall(random: Random): string {
  const given = Array.from({ length: random.below(4) }, () => random.pick(givens)).join(', ');
  const called = random.oneIn(2)
    ? `.${random.pick(methods)}(${given})`
    : `|${random.pick(filters)}(${given})`;
  return `{{ ${random.pick(receivers)}${called}|string|length }}`;
}

/** A chat template with other pieces in it. */
export function mutateTemplate(source: Uint8Array, random: Random): Uint8Array {
  if (random.oneIn(4)) return mutateBytes(source, random);
  let template = Buffer.from(source).toString('utf8');
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(template.length + 1);
    const part = random.oneIn(2) ? absurdCall(random) : random.pick(templateParts);
    const copies = random.oneIn(8) ? random.pick([100, 2000]) : 1;
    template = template.slice(0, at) + part.repeat(copies) + template.slice(at);
  }
  return Buffer.from(template, 'utf8');
}
