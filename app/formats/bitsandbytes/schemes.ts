import type { WeightFormat } from '../format.ts';
import { llmInt8 } from './int8.ts';
import { levels } from './levels.ts';

export const bitsandbytesFormats: readonly WeightFormat[] = [
  llmInt8,
  levels(
    { type: 'nf4', doubleQuant: false },
    {
      name: 'nf4',
      label: 'NF4',
      explanation:
        'Four bits per weight, with sixteen levels placed where normally distributed weights are dense.',
      recommendation: 1,
    },
  ),
  levels(
    { type: 'nf4', doubleQuant: true },
    {
      name: 'nf4-dq',
      label: 'NF4 + DQ',
      explanation: 'NF4 whose scales are themselves stored in eight bits (double quantization).',
      recommendation: 0,
    },
  ),
  levels(
    { type: 'fp4', doubleQuant: false },
    {
      name: 'fp4',
      label: 'FP4',
      explanation: 'Four bits per weight as a tiny floating-point number.',
      recommendation: null,
    },
  ),
  levels(
    { type: 'fp4', doubleQuant: true },
    {
      name: 'fp4-dq',
      label: 'FP4 + DQ',
      explanation: 'FP4 whose scales are themselves stored in eight bits (double quantization).',
      recommendation: null,
    },
  ),
];

/** The scheme of a matrix that transformers saved. @param type Of 4-bit codes; null: codes of 8 bits. */
export function schemeOfStored(type: 'nf4' | 'fp4' | null, isNested: boolean): string {
  return type === null ? llmInt8.name : `${type}${isNested ? '-dq' : ''}`;
}
