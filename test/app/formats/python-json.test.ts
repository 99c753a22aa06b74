import { expect, it } from 'vitest';
import { PythonFloat, pythonFloat, pythonJson } from '../../../app/formats/python-json.ts';

it.each([
  [0, '0.0'],
  [-0, '-0.0'],
  [6, '6.0'],
  [-1.5, '-1.5'],
  [0.05192756652832031, '0.05192756652832031'],
  [0.491854190826416, '0.491854190826416'],
  [0.1, '0.1'],
  [0.0001, '0.0001'],
  [0.00012345678901234567, '0.00012345678901234567'],
  [0.00001, '1e-05'],
  [0.000012345, '1.2345e-05'],
  [1e-7, '1e-07'],
  [Math.fround(5.5e-7), '5.499999815583578e-07'],
  [1.401298464324817e-45, '1.401298464324817e-45'],
  [1e15, '1000000000000000.0'],
  [123456789012345.6, '123456789012345.6'],
  [1e16, '1e+16'],
  [1.5e100, '1.5e+100'],
  [123456789012345680000, '1.2345678901234568e+20'],
])('writes %d as Python does', (value, text) => {
  expect(pythonFloat(value)).toBe(text);
  expect(Object.is(JSON.parse(text), value)).toBe(true);
});

it('writes objects on one line with the separators of Python', () => {
  expect(
    pythonJson({ a: 'x', b: [1, new PythonFloat(2)], c: null, d: { e: true }, f: [], g: {} }),
  ).toBe('{"a": "x", "b": [1, 2.0], "c": null, "d": {"e": true}, "f": [], "g": {}}');
});

it('indents as Python does', () => {
  expect(pythonJson({ a: [1, 2], b: { c: null }, d: [] }, 2)).toBe(
    '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {\n    "c": null\n  },\n  "d": []\n}',
  );
});

it('refuses what is not JSON', () => {
  expect(() => pythonFloat(Number.NaN)).toThrow(RangeError);
});
