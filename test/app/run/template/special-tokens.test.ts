import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSpecialTokens } from '../../../../app/run/template/special-tokens.ts';
import { scratchFolder } from '../../../fixtures/scratch.ts';

async function tokensOf(
  config: Readonly<Record<string, unknown>>,
  map?: unknown,
): Promise<Readonly<Record<string, string>>> {
  const directory = await scratchFolder();
  if (map !== undefined)
    await writeFile(path.join(directory, 'special_tokens_map.json'), JSON.stringify(map));
  return readSpecialTokens(directory, config);
}

describe('special tokens', () => {
  it('come from special_tokens_map.json, as texts or as objects', async () => {
    expect(
      await tokensOf({}, { bos_token: '<s>', eos_token: { content: '</s>', lstrip: false } }),
    ).toEqual({
      bos_token: '<s>',
      eos_token: '</s>',
    });
    expect(await tokensOf({ eos_token: 'old' }, { eos_token: '</s>' })).toEqual({
      eos_token: '</s>',
    });
  });

  it('come from tokenizer_config.json alone where it lists its added tokens', async () => {
    const config = { eos_token: '<|end|>', added_tokens_decoder: { 2: { content: '<|end|>' } } };
    expect(await tokensOf(config, { bos_token: '<s>', eos_token: '</s>' })).toEqual({
      eos_token: '<|end|>',
    });
  });

  it('include those that only this model has, but no settings of like names', async () => {
    const config = {
      bos_token: '<s>',
      image_token: '<image>',
      add_bos_token: true,
      extra_special_tokens: { audio_start: '<audio>' },
      tokenizer_class: 'PreTrainedTokenizerFast',
    };
    expect(await tokensOf(config)).toEqual({
      bos_token: '<s>',
      image_token: '<image>',
      audio_start: '<audio>',
    });
  });

  it('are those of the tokenizer’s class where nothing is said, and none where none is said', async () => {
    expect(await tokensOf({ tokenizer_class: 'LlamaTokenizerFast', unk_token: null })).toEqual({
      bos_token: '<s>',
      eos_token: '</s>',
    });
  });

  // Read off transformers 5.24 with 400 folders.
  it.each([
    [{ model_type: 'qwen3' }, undefined, '"ByteLevel"', '<|endoftext|>'],
    [{ model_type: 'qwen2' }, 'LlamaTokenizerFast', '"ByteLevel"', '<|endoftext|>'],
    [{ model_type: 'qwen3' }, 'GPTNeoXTokenizerFast', '"ByteLevel"', '<|endoftext|>'],
    [{ model_type: 'mistral' }, 'LlamaTokenizer', '"Metaspace"', undefined],
    [{ model_type: 'llama' }, 'LlamaTokenizer', '"Metaspace"', '</s>'],
    [{ model_type: 'llama' }, 'LlamaTokenizerFast', '"ByteLevel"', undefined],
    [{ model_type: 'llama', tokenizer_class: 'LlamaTokenizer' }, undefined, '"Metaspace"', '</s>'],
    [{ model_type: 'llama' }, undefined, '"Metaspace"', undefined],
    [{ model_type: 'llama' }, 'constructor', '"Metaspace"', undefined],
  ])(
    'of a folder with %j and the class %s over %s end with %s',
    async (config, tokenizerClass, step, end) => {
      const directory = await scratchFolder();
      await writeFile(path.join(directory, 'config.json'), JSON.stringify(config));
      await writeFile(
        path.join(directory, 'tokenizer.json'),
        `{"pre_tokenizer": {"type": ${step}}}`,
      );
      const stated = tokenizerClass === undefined ? {} : { tokenizer_class: tokenizerClass };
      expect((await readSpecialTokens(directory, stated))['eos_token']).toBe(end);
    },
  );
});
