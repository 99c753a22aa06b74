import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TemplateFailure } from '../../../../app/run/template/failure.ts';
import { compileTemplate, type Data } from '../../../../app/run/template/template.ts';

const fixtures = fileURLToPath(new URL('../../../fixtures/templates/', import.meta.url));

/** The moment at which `make_expected.py` rendered. */
const now = (): Date => new Date(2026, 2, 7, 9, 5, 3);

const readJson = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(`${fixtures}${name}`, 'utf8'));

/** The text, or null where the template fails as a template does. */
function render(source: string, variables: Readonly<Record<string, Data>>): string | null {
  try {
    return compileTemplate(source).render(variables, { now });
  } catch (error) {
    if (error instanceof TemplateFailure) return null;
    throw error;
  }
}

const conversations = z.record(z.string(), z.record(z.string(), z.json()));
const texts = z.record(z.string(), z.record(z.string(), z.string().nullable()));

describe('templates give what jinja2 gives', async () => {
  const variables = z.record(z.string(), z.json()).parse(await readJson('variables.json'));
  const snippets = z
    .array(z.tuple([z.string(), z.string().nullable()]))
    .parse(await readJson('snippets.json'));

  it('for every method, filter, test, statement and rule of white space', () => {
    const found = snippets.map(([source]) => [source, render(source, variables)]);
    expect(found).toEqual(snippets);
  });

  const cases = conversations.parse(await readJson('conversations.json'));
  const families = Object.entries(texts.parse(await readJson('families.json')));

  it.each(families)('for the template of %s', async (family, expected) => {
    const source = await readFile(`${fixtures}families/${family}.jinja`, 'utf8');
    const found = Object.entries(cases).map(([name, given]) => [name, render(source, given)]);
    expect(Object.fromEntries(found)).toEqual(expected);
  });
});
