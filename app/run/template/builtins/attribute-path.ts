import type { Runtime } from '../runtime.ts';
import { textOf, Undefined, type Value } from '../values.ts';

/** Reads what filters are told as `attribute`: names and numbers with dots between. */
export function attributeReader(
  runtime: Runtime,
  attribute: Value,
  options: { otherwise?: Value; change?: (value: Value) => Value } = {},
): (item: Value) => Value {
  const path = textOf(attribute);
  const parts: Value[] =
    attribute === null
      ? []
      : path === null
        ? [attribute]
        : path.split('.').map((part) => (/^\p{Nd}+$/u.test(part) ? BigInt(part) : part));
  const { otherwise = null, change = (value: Value): Value => value } = options;
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = runtime.item(value, part);
      if (otherwise !== null && value instanceof Undefined) value = otherwise;
    }
    return change(value);
  };
}

/** Several of them with commas between. */
export function attributesReader(
  runtime: Runtime,
  attribute: Value,
  change: (value: Value) => Value,
): (item: Value) => Value[] {
  const path = textOf(attribute);
  const readers = (path === null ? [attribute] : path.split(',')).map((part) =>
    attributeReader(runtime, part, { change }),
  );
  return (item) => readers.map((read) => read(item));
}

/** Texts in lower case: what sorting and comparing filters use unless told otherwise. */
export function ignoreCase(value: Value): Value {
  return textOf(value)?.toLowerCase() ?? value;
}

export function caseRule(isSensitive: boolean): (value: Value) => Value {
  return isSensitive ? (value): Value => value : ignoreCase;
}
