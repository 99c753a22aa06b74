import { formatBits } from '../../../app/contract/format.ts';
import type { Session } from '../session.ts';

/** Lists the ways to store weights that this version has. */
export async function schemesCommand({ engine, output, quiet }: Session): Promise<undefined> {
  const schemes = await engine.schemes({}, quiet);
  output.document(schemes);
  output.table(
    ['Scheme', '', 'Bits per weight', 'Block sizes'],
    schemes.map(({ name, label, bitsPerWeight, blockSizes }) => [
      output.style('bold', name),
      label,
      formatBits(bitsPerWeight),
      blockSizes.map((size) => (size === 0 ? 'row' : String(size))).join(', '),
    ]),
    [2],
  );
  return undefined;
}
