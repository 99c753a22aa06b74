import type { ModelDefinition } from '../definition.ts';
import { BpeModel } from './bpe.ts';
import type { TokenModel } from './token-model.ts';
import { UnigramModel } from './unigram.ts';
import { WordLevelModel, WordPieceModel } from './word-models.ts';

/** @throws RangeError when the parts of a model do not belong together */
export function createModel(definition: ModelDefinition): TokenModel {
  switch (definition.type) {
    case 'BPE':
      return new BpeModel(definition);
    case 'Unigram':
      return new UnigramModel(definition);
    case 'WordPiece':
      return new WordPieceModel(definition);
    case 'WordLevel':
      return new WordLevelModel(definition);
  }
}
