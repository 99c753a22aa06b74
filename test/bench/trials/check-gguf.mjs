// Reads a GGUF file with Hugging Face's own parser and prints its tensors and metadata as one line of JSON.
import { createRequire } from 'node:module';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const [rivals, file] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${rivals}/`));
const { gguf } = await import(pathToFileURL(require.resolve('@huggingface/gguf')).href);
const { metadata, tensorInfos, tensorDataOffset } = await gguf(file, { allowLocalFile: true });
console.log(
  JSON.stringify({
    vocabulary: metadata['tokenizer.ggml.tokens'].length,
    layers: metadata['llama.block_count'],
    dataOffset: Number(tensorDataOffset),
    tensors: tensorInfos.map(({ name, shape, dtype, offset }) => ({
      name,
      shape: shape.map(Number).reverse(),
      type: dtype,
      offset: Number(offset),
    })),
  }),
);
