import { bitsClassOf, type BitsClass } from '../../contract/scheme.ts';
import { findFormat } from '../../formats/index.ts';

/** A scheme's name in the report, and the bits that its colour is of; 16 of one that this version does not have. */
export function schemeLook(scheme: string): { readonly label: string; readonly bits: BitsClass } {
  const format = findFormat(scheme);
  return format === null
    ? { label: scheme, bits: 16 }
    : { label: format.label, bits: bitsClassOf(format) };
}
