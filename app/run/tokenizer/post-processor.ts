import type { PostProcessorDefinition } from './definition.ts';

/** Puts the special tokens around a text's own. */
export type PostProcessor = (ids: number[]) => number[];

export function createPostProcessor(definition: PostProcessorDefinition): PostProcessor {
  if (definition.type === 'Template')
    return (ids) => {
      const all: number[] = [];
      for (const item of definition.items) for (const id of item ?? ids) all.push(id);
      return all;
    };
  const steps = definition.processors.map(createPostProcessor);
  return (ids) => steps.reduce((current, step) => step(current), ids);
}
