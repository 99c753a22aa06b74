// A token touches the pages of its chosen experts alone: counted in the mapping of the weights, as the system keeps it.
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ensureGraph } from '../../../app/run/index.ts';
import { Model } from '../../../native-kernels/index.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { encodeSafetensors, type FixtureTensor } from '../../fixtures/tiny-checkpoint.ts';

const EXPERTS = 16;
const CHOSEN = 2;
const HIDDEN = 512;
const INNER = 1024;
const VOCABULARY = 64;

const config = {
  model_type: 'qwen3_moe',
  architectures: ['Qwen3MoeForCausalLM'],
  hidden_size: HIDDEN,
  intermediate_size: INNER,
  moe_intermediate_size: INNER,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 64,
  num_experts: EXPERTS,
  num_experts_per_tok: CHOSEN,
  vocab_size: VOCABULARY,
  torch_dtype: 'bfloat16',
};

let state = 1;
/** Numbers of one magnitude and changing sign, in bfloat16; more than any row has, so that no two rows are alike. */
const pattern = Uint16Array.from({ length: 65_521 }, () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return 0x3d00 | ((state >>> 16) & 0x8000) | ((state >>> 20) & 0x7f);
});

function tensor(name: string, ...shape: number[]): FixtureTensor {
  const bits = new Uint16Array(shape.reduce((product, size) => product * size, 1));
  for (let start = 0; start < bits.length; start += pattern.length)
    bits.set(pattern.subarray(0, bits.length - start), start);
  return { name, dtype: 'BF16', shape, bytes: new Uint8Array(bits.buffer) };
}

async function writeMixture(directory: string): Promise<void> {
  const layer = 'model.layers.0';
  const norm = (name: string, size: number): FixtureTensor => tensor(`${name}.weight`, size);
  const matrix = (name: string, rows: number, columns: number): FixtureTensor =>
    tensor(`${layer}.${name}.weight`, rows, columns);
  const tensors = [
    tensor('model.embed_tokens.weight', VOCABULARY, HIDDEN),
    tensor('lm_head.weight', VOCABULARY, HIDDEN),
    norm('model.norm', HIDDEN),
    norm(`${layer}.input_layernorm`, HIDDEN),
    norm(`${layer}.post_attention_layernorm`, HIDDEN),
    norm(`${layer}.self_attn.q_norm`, 64),
    norm(`${layer}.self_attn.k_norm`, 64),
    matrix('self_attn.q_proj', 256, HIDDEN),
    matrix('self_attn.k_proj', 128, HIDDEN),
    matrix('self_attn.v_proj', 128, HIDDEN),
    matrix('self_attn.o_proj', HIDDEN, 256),
    matrix('mlp.gate', EXPERTS, HIDDEN),
    // As a whole, which is a part of the file for each expert.
    tensor(`${layer}.mlp.experts.gate_up_proj`, EXPERTS, 2 * INNER, HIDDEN),
    tensor(`${layer}.mlp.experts.down_proj`, EXPERTS, HIDDEN, INNER),
  ];
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'config.json'), JSON.stringify(config));
  await writeFile(path.join(directory, 'model.safetensors'), encodeSafetensors(tensors));
}

/** Bytes of a file that this process has touched through its mapping, and bytes of the mapping. */
function touched(file: string): { touched: number; mapped: number } {
  const sums = { touched: 0, mapped: 0 };
  let isFile = false;
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isFile = line.endsWith(file);
    const [, name, kilobytes] = /^(Rss|Size):\s+(\d+) kB/.exec(line) ?? [];
    if (isFile && name !== undefined)
      sums[name === 'Rss' ? 'touched' : 'mapped'] += Number(kilobytes) * 1024;
  }
  return sums;
}

/** The system maps neighbours of a page that it has in memory anyway: up to so many bytes around each. */
const FAULT_AROUND = 65_536;

it.runIf(process.platform === 'linux').each(['bf16', 'nf4'] as const)(
  'a token of a mixture in %s touches its chosen experts alone',
  async (scheme) => {
    const root = await scratchFolder();
    const source = path.join(root, 'source');
    await writeMixture(source);
    const directory = scheme === 'bf16' ? source : path.join(root, 'made');
    if (scheme !== 'bf16') await quantizeFolder(source, directory, scheme);
    const { graphPath } = await ensureGraph(directory, 'exact');
    const file = path.join(directory, 'model.safetensors');
    const model = await Model.open({ graphPath, contextLength: 16, mode: 'exact' });
    try {
      const bits = scheme === 'bf16' ? 16 : 4.5;
      const expertBytes = (3 * HIDDEN * INNER * bits) / 8;
      const before = touched(file);
      expect(before.mapped).toBeGreaterThan(EXPERTS * expertBytes);
      await model.evaluate([1], { rows: 'last' });
      const one = touched(file).touched;
      const others = 4 * HIDDEN * HIDDEN * 2;
      const parts = scheme === 'bf16' ? 3 : 9;
      expect(one - before.touched).toBeLessThan(
        CHOSEN * (expertBytes + parts * 2 * FAULT_AROUND) + others + 16 * FAULT_AROUND,
      );
      // Other tokens choose others.
      await model.evaluate(
        Array.from({ length: 15 }, (_, i) => 4 * i),
        { rows: 'last' },
      );
      expect(touched(file).touched).toBeGreaterThan(one + expertBytes / 2);
    } finally {
      await model.close();
    }
  },
);
