import { expect, it } from 'vitest';
import type { TensorInfo } from '../../../app/contract/checkpoint.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { artifactConfigText, planQuantization } from '../../../app/quantize/index.ts';

const configText = `{
  "architectures": ["LlamaForCausalLM"],
  "attention_dropout": 0.0,
  "model_type": "llama",
  "rms_norm_eps": 1e-05,
  "rope_theta": 10000.0
}
`;

function artifactConfig(scheme: SchemeName, columns = 64): string {
  const tensor: TensorInfo = {
    name: 'model.layers.0.mlp.up_proj.weight',
    dtype: 'F16',
    shape: [64, columns],
    file: 'model.safetensors',
    byteOffset: 0,
    byteLength: 64 * columns * 2,
  };
  const tensors = [
    tensor,
    { ...tensor, name: 'model.layers.1.mlp.up_proj.weight', shape: [64, 64] },
  ];
  const plan = planQuantization({ tensors, config: JSON.parse(configText), scheme });
  return artifactConfigText(configText, plan);
}

it('adds what transformers writes and leaves every other character alone', () => {
  expect(artifactConfig('nf4-dq')).toBe(`{
  "architectures": ["LlamaForCausalLM"],
  "attention_dropout": 0.0,
  "model_type": "llama",
  "rms_norm_eps": 1e-05,
  "rope_theta": 10000.0,
  "quantization_config": {
    "_load_in_4bit": true,
    "_load_in_8bit": false,
    "bnb_4bit_compute_dtype": "float16",
    "bnb_4bit_quant_storage": "uint8",
    "bnb_4bit_quant_type": "nf4",
    "bnb_4bit_use_double_quant": true,
    "llm_int8_enable_fp32_cpu_offload": false,
    "llm_int8_has_fp16_weight": false,
    "llm_int8_skip_modules": null,
    "llm_int8_threshold": 6.0,
    "load_in_4bit": true,
    "load_in_8bit": false,
    "quant_method": "bitsandbytes"
  }
}
`);
});

it('asks for eight bits for LLM.int8', () => {
  const { quantization_config: quantization } = JSON.parse(artifactConfig('llm-int8')) as {
    quantization_config: Record<string, unknown>;
  };
  expect(quantization).toMatchObject({
    load_in_8bit: true,
    load_in_4bit: false,
    llm_int8_threshold: 6,
  });
});

it('lists kept layers together with lm_head, which a list would otherwise unprotect', () => {
  expect(JSON.parse(artifactConfig('fp4', 100))).toMatchObject({
    quantization_config: {
      llm_int8_skip_modules: ['lm_head', 'model.layers.0.mlp.up_proj'],
      bnb_4bit_quant_type: 'fp4',
    },
  });
});

it('names our own schemes as ours', () => {
  expect(JSON.parse(artifactConfig('int4'))).toMatchObject({
    quantization_config: { quant_method: 'nibble', scheme: 'int4', bits: 4, block_size: 64 },
  });
});

it('leaves the config of a kept model as it is', () => {
  expect(artifactConfig('bf16')).toBe(configText);
});
