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
  scores: version,
});
const x86: Record<InstructionSet, Versions> = {
  reference: all('reference'),
  avx2: all('avx2'),
  'avx-vnni': { ...all('avx2'), linear: 'avx-vnni' },
  // Byte products of 512 bits need VNNI to be faster.
  avx512: { ...all('avx512'), linear: 'avx2' },
  'avx512-vnni': { ...all('avx512'), linear: 'avx512-vnni' },
};
// Quantizers and hashes are plain code on ARM.
const neon: Versions = { ...all('neon'), quantizers: 'reference', treeHash: 'reference' };
const arm: Record<InstructionSet, Versions> = {
  reference: all('reference'),
  neon,
  'neon-dotprod': { ...neon, linear: 'neon-dotprod' },
  'neon-i8mm': { ...neon, linear: 'neon-i8mm' },
};

describe('the version of each group of kernels', () => {
  // A row of isas.def that has none here fails as well.
  it('is the one that is named here, for every instruction set', () => {
    expect(kernelVersions()).toEqual(process.arch === 'arm64' ? arm : x86);
  });
});
