import { describe, expect, it } from 'vitest';
import {
  emptyDraft,
  idsOfQuery,
  parseDraft,
  promptsOf,
} from '../../../renderer/views/compare/logic/draft.ts';

describe('the draft of a comparison', () => {
  it('comes back as it was kept', () => {
    const draft = { ...emptyDraft, ids: ['a', 'b'], prompt: 'Why?', isBlind: true };
    expect(parseDraft(JSON.stringify(draft))).toEqual(draft);
  });

  it('is empty when what was kept is no draft', () => {
    for (const kept of [null, '', 'null', '{', '{"ids":7}', '[]'])
      expect(parseDraft(kept)).toEqual(emptyDraft);
  });

  it('asks the one prompt, or every line once', () => {
    expect(promptsOf({ ...emptyDraft, prompt: ' Why?\nReally? ' })).toEqual(['Why?\nReally?']);
    expect(promptsOf({ ...emptyDraft, prompt: '  ' })).toEqual([]);
    expect(promptsOf({ ...emptyDraft, mode: 'several', prompts: 'One\n\n  Two \nOne\n' })).toEqual([
      'One',
      'Two',
    ]);
  });

  it('takes artifacts from an address: at most four, each once', () => {
    expect(idsOfQuery('with=a&with=b%2Fc&with=a')).toEqual(['a', 'b/c']);
    expect(idsOfQuery('with=1&with=2&with=3&with=4&with=5')).toEqual(['1', '2', '3', '4']);
    expect(idsOfQuery('')).toEqual([]);
  });
});
