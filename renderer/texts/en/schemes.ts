/** Short names and one sentence for someone who has not met the term. Keys are scheme names with `-` as `_`. */
export const schemes = {
  formats: {
    bf16: {
      label: '16 bit',
      explanation: 'The weights as published: the reference for all other versions.',
    },
    llm_int8: {
      label: 'LLM.int8',
      explanation:
        'Eight bits per weight with one scale per row; the few activation columns that are very large are multiplied in full precision.',
    },
    int8_absmax: {
      label: 'int8 absmax',
      explanation:
        'Eight bits per weight, symmetric: the largest magnitude of a row or block becomes 127.',
    },
    int8_zeropoint: {
      label: 'int8 zero-point',
      explanation:
        'Eight bits per weight, asymmetric: the smallest value of a row or block becomes −128 and the largest 127.',
    },
    nf4: {
      label: 'NF4',
      explanation:
        'Four bits per weight, with sixteen levels placed where normally distributed weights are dense.',
    },
    nf4_dq: {
      label: 'NF4 + DQ',
      explanation:
        'NF4 whose scales are themselves stored in eight bits (double quantization). The smallest good 4-bit version.',
    },
    fp4: { label: 'FP4', explanation: 'Four bits per weight as a tiny floating-point number.' },
    fp4_dq: {
      label: 'FP4 + DQ',
      explanation: 'FP4 whose scales are themselves stored in eight bits (double quantization).',
    },
    int4: {
      label: 'int4',
      explanation:
        'Four bits per weight, evenly spaced levels between the smallest and largest value of a block.',
    },
  },
  newer: 'Made by a newer Nibble. Update Nibble to use it.',
  bits: { b16: '16 bit', b8: '8 bit', b4: '4 bit' },
  terms: {
    bitsPerWeight: {
      term: 'Bits per weight',
      explanation:
        'What one weight takes on disk and in memory, scales included. 16 is what was published.',
    },
    sqnr: {
      term: 'Fidelity (SQNR)',
      explanation:
        'Signal-to-quantization-noise ratio: how much stronger the weights are than the rounding error. 6 dB more halves the error.',
    },
    perplexity: {
      term: 'Perplexity',
      explanation:
        'How surprised the model is by real text, as if it chose among that many words each time. Lower is better; compare only on the same text.',
    },
    kl: {
      term: 'KL divergence',
      explanation:
        'How far the predictions are from those of the 16-bit model, averaged per token. 0 means no change.',
    },
    agreement: {
      term: 'Agreement',
      explanation:
        'How often this version’s most likely next token is the same as the 16-bit model’s.',
    },
    absmax: {
      term: 'absmax',
      explanation:
        'The largest magnitude in a block of weights. All weights of the block are stored as shares of it.',
    },
    blockSize: {
      term: 'Block size',
      explanation:
        'How many neighbouring weights share one scale. Smaller blocks fit better and cost a little space.',
    },
    outputLayer: {
      term: 'Output layer',
      explanation:
        'The last layer (lm_head, often shared with the embeddings) turns the model’s state into a score for every token, and is read in full for each one.',
    },
    contextLength: {
      term: 'Context',
      explanation: 'How many tokens of conversation the model can see at once.',
    },
    temperature: {
      term: 'Temperature',
      explanation:
        'How freely the next token is drawn: 0 always takes the most likely one, 1 follows the model’s own odds.',
    },
    topK: {
      term: 'Top k',
      explanation: 'Draw only among this many most likely tokens. 0 turns it off.',
    },
    topP: {
      term: 'Top p',
      explanation:
        'Draw only among the most likely tokens that together have this probability. 1 turns it off.',
    },
    minP: {
      term: 'Min p',
      explanation:
        'Leave out tokens less likely than this share of the most likely one. 0 turns it off.',
    },
    repetitionPenalty: {
      term: 'Repetition penalty',
      explanation: 'Makes tokens that were used before less likely. 1 turns it off.',
    },
    seed: {
      term: 'Seed',
      explanation: 'The same seed, model and settings give the same text again.',
    },
    ttft: {
      term: 'Time to first token',
      explanation: 'From sending the question until the first token of the answer.',
    },
    weightsHash: {
      term: 'Weights fingerprint',
      explanation:
        'Names the weights that took part, all of them: any change of a single bit makes it another one. It is made from SHA-256, but is not what sha256sum prints.',
    },
  },
  quality: {
    indistinguishable: 'indistinguishable',
    slight: 'slight',
    noticeable: 'noticeable',
    strong: 'strong',
  },
} as const;
