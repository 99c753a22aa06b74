import { expect, it } from 'vitest';
import { chatHome } from '../../fixtures/chat-home.ts';
import { runCli } from '../../fixtures/run-cli.ts';

it('says on stderr, once for each device, that a model is tried there', async () => {
  const home = await chatHome(['nf4-dq']);
  const chat = ['chat', 'sample-nf4-dq', '--prompt', 'Hello', '--max-tokens', '2', '--no-save'];
  // A driver that was named makes Nibble look for GPUs where the system shows none.
  const environment = { NIBBLE_CUDA_DRIVER: '/nowhere/libcuda.so.1' };
  const tried = await runCli([...chat, '--device', 'auto'], { home, environment });
  expect(tried.code).toBe(0);
  expect(tried.stderr.match(/^Trying this model on the GPU through WebGPU$/gm)).toHaveLength(1);
  expect(tried.stderr).not.toContain('through CUDA · ');
  // What was found out is known now.
  const again = await runCli([...chat, '--device', 'auto'], { home, environment });
  expect(again.stderr).not.toContain('Trying');
  expect(again.stderr).toMatch(/^On the (?:CPU|GPU through WebGPU)\. /m);
});
