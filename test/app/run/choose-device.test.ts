import { describe, expect, it } from 'vitest';
import { chooseDevice } from '../../../app/run/choose-device.ts';

describe('the device of a model', () => {
  it('is the CPU where that was asked for, and needs no reason then', () => {
    expect(chooseDevice('cpu')).toEqual({ device: 'cpu', reason: null });
  });

  it('is a CUDA device where that was asked for', () => {
    expect(chooseDevice('cuda')).toEqual({ device: 'cuda', reason: null });
  });

  it('that this build does not have is refused with what to do', () => {
    expect(() => chooseDevice('webgpu')).toThrow(
      expect.objectContaining({
        code: 'runtime-unavailable',
        remedy: 'Choose the CPU (--device cpu).',
      }),
    );
  });
});
