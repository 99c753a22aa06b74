// Which version of each group of kernels every instruction set takes. A set that has none of its own takes its parent's:
// one that fell back to the plain reference would give the same bits, only many times slower, so that no other test
// would see it.
import { describe, expect, it } from 'vitest';
import {
  kernelVersions,
  type InstructionSet,
  type KernelGroup,
} from '../../native-kernels/index.ts';

type Versions = Record<KernelGroup, InstructionSet>;

const all = (version: InstructionSet): Versions => ({
  linear: version,
  vectors: version,
  quantizers: version,
  treeHash: version,
});
const x86: [InstructionSet, Versions][] = [
  ['avx2', all('avx2')],
  ['avx-vnni', { ...all('avx2'), linear: 'avx-vnni' }],
  // Byte products of 512 bits need VNNI to be faster.
  ['avx512', { ...all('avx512'), linear: 'avx2' }],
  ['avx512-vnni', { ...all('avx512'), linear: 'avx512-vnni' }],
];
// Quantizers and hashes are plain code on ARM.
const neon = { ...all('neon'), quantizers: 'reference', treeHash: 'reference' } as const;
const arm: [InstructionSet, Versions][] = [
  ['neon', neon],
  ['neon-dotprod', { ...neon, linear: 'neon-dotprod' }],
  ['neon-i8mm', { ...neon, linear: 'neon-i8mm' }],
];

describe('the version of each group of kernels', () => {
  it.each([['reference', all('reference')] as const, ...(process.arch === 'arm64' ? arm : x86)])(
    'on %s',
    (isa, versions) => {
      expect(kernelVersions(isa)).toEqual(versions);
    },
  );
});
