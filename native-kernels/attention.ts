import { loadAddon } from './addon.ts';
import type { InstructionSet } from './quantizers.ts';
import type { CacheType } from './runtime.ts';

/** The layers of a cache: all of one shape. */
export interface CacheShape {
  type: CacheType;
  layers: number;
  kvHeads: number;
  headDim: number;
  /** Most positions; memory grows with use. */
  contextLength: number;
}

/** How a kernel runs; results do not depend on the threads. */
export interface HowToRun {
  /** @default the best that this processor has */
  isa?: InstructionSet | undefined;
  /** @default the number of cores */
  threads?: number | undefined;
}

export interface AttentionCall extends HowToRun {
  /** [tokens, heads, headDim]; head h reads KV head floor(h * kvHeads / heads). */
  queries: Float32Array;
  heads: number;
  /** Absolute position of the first token. Its own keys and values, and those before it, are in the cache. */
  position: number;
  /** Factor of q . k. */
  scale: number;
  /** How many positions a token sees, itself included. @default all */
  window?: number | undefined;
  /** Positions are chunks of so many, and a token sees none before its own. @default they are not */
  chunk?: number | undefined;
  /** Scores become softcap * tanh(score / softcap). @default off */
  softcap?: number | undefined;
  /** [heads], a further score of each head, whose weight goes nowhere. @default none */
  sinks?: Float32Array | undefined;
  /** Of the queries' shape, written and returned. @default a new array */
  into?: Float32Array | undefined;
}

/** The functions that addon/attention.cpp registers; each refuses arguments that do not fit. */
interface AttentionAddon {
  attentionOpen(shape: CacheShape): object;
  attentionAppend(
    handle: object,
    layer: number,
    keys: Float32Array,
    values: Float32Array,
    position: number,
    isa: string | undefined,
    threads: number | undefined,
  ): void;
  attentionRun(
    handle: object,
    layer: number,
    call: {
      queries: Float32Array;
      heads: number;
      position: number;
      scale: number;
      window: number;
      chunk: number;
      softcap: number;
      sinks: Float32Array | undefined;
      isa: string | undefined;
      threads: number | undefined;
      out: Float32Array;
    },
  ): void;
  attentionBytes(handle: object): number;
}

function attentionAddon(): AttentionAddon {
  return loadAddon() as AttentionAddon;
}

/**
 * A KV cache and the attention over it. A model keeps its own inside the runtime; this one is for tests and benchmarks.
 * Calls block until they are done, and throw an Error with code 'invalid-input' for arguments that do not fit.
 */
export class AttentionCache {
  readonly #addon = attentionAddon();
  readonly #handle: object;

  constructor(shape: CacheShape) {
    this.#handle = this.#addon.attentionOpen(shape);
  }

  /** Bytes of all pages. */
  get bytes(): number {
    return this.#addon.attentionBytes(this.#handle);
  }

  /** Writes keys and values, both [tokens, kvHeads, headDim], from `position` on. */
  append(
    layer: number,
    keys: Float32Array,
    values: Float32Array,
    position: number,
    { isa, threads }: HowToRun = {},
  ): void {
    this.#addon.attentionAppend(this.#handle, layer, keys, values, position, isa, threads);
  }

  /** Causal attention of some tokens. @returns [tokens, heads, headDim] */
  attend(layer: number, call: AttentionCall): Float32Array {
    const out = call.into ?? new Float32Array(call.queries.length);
    this.#addon.attentionRun(this.#handle, layer, {
      queries: call.queries,
      heads: call.heads,
      position: call.position,
      scale: call.scale,
      window: call.window ?? 0,
      chunk: call.chunk ?? 0,
      softcap: call.softcap ?? 0,
      sinks: call.sinks,
      isa: call.isa,
      threads: call.threads,
      out,
    });
    return out;
  }
}
