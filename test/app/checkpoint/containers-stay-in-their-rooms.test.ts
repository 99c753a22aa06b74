import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Where names of files are written that are no knowledge of a container. */
const EXPECTED: readonly string[] = [
  // The room itself.
  'app/checkpoint/',
  // Looks like a hub from outside, to programs that expect these tags of one.
  'app/local-hub/',
  // What versions before wrote, which is never changed.
  'app/catalog/migrations/',
  // Tells a person which entry of their file to mend.
  'app/run/graph/cuda-text.ts',
];

/** Literals of a file that spell the name of a weights file or a pattern for one. */
function namesIn(file: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isText = ts.isStringLiteralLike(node) || ts.isRegularExpressionLiteral(node);
    if (isText && /\\?\.safetensors/.test(node.text)) found.push(`${file}: ${node.text}`);
    node.forEachChild(visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return found;
}

it('names of safetensors files are known in their room alone', () => {
  const files = ['app', 'main']
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map(
        (name) => `${folder}/${name.split(path.sep).join('/')}`,
      ),
    )
    .filter((name) => name.endsWith('.ts') && !EXPECTED.some((room) => name.startsWith(room)));
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap(namesIn)).toEqual([]);
});
