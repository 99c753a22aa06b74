import { access } from 'node:fs/promises';
import path from 'node:path';
import { RUNTIME_WEIGHTS_FILES, type WeightsFile } from '../checkpoint/index.ts';
import { toAppError, type AppError } from '../contract/error.ts';
import type { LoadedModel } from '../contract/runner-api.ts';
import { fileStateNow } from '../disk/index.ts';
import { prepareRuntime, type Model } from '../../native-kernels/index.ts';
import {
  readGenerationConfig,
  specialTokenText,
  type GenerationConfig,
} from './generation-config.ts';
import { hasTemplate } from './chat-files.ts';
import { openAhead, type LoadOptions, type OpenedModel } from './open-on-cpu.ts';
import { PromptCache } from './prompt-cache.ts';
import type { ChatTemplate } from './template/chat-template.ts';
import { requireRecordedFiles } from './recorded-files.ts';
import { readSpecialTokens, type TemplateTokens } from './template/special-tokens.ts';
import { missingTokenizer, readTokenizerConfig, TOKENIZER_FILE } from './tokenizer/files.ts';
import type { ModelTokenizer } from './tokenizer/load-tokenizer.ts';
import { WeightsGuard } from './weights-guard.ts';
import { readListing, type Listing } from './weights-record.ts';

/** A model in memory and everything that belongs to it. */
export interface RunnableModel {
  readonly model: Model;
  readonly description: LoadedModel;
  /** Watches over the files that the model is mapped from. */
  readonly weights: WeightsGuard;
  /** What the context holds. */
  readonly cache: PromptCache;
  /** Reads the chat template at the first call, which brings its interpreter; null where the folder has none. */
  template(): Promise<ChatTemplate | null>;
  /**
   * Loads the tokenizer at the first call: it takes longer than the model itself, and raw ids need none.
   *
   * @throws AppError `missing-tokenizer`, `malformed-file`
   */
  tokenizer(): Promise<ModelTokenizer>;
  /** What to throw for an error of the model; see OpenedModel. */
  readonly explain: (error: unknown) => Promise<AppError>;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** The id of an added token as tokenizer_config.json lists it; undefined where it lists none. */
function listedTokenId(
  tokenizerConfig: Readonly<Record<string, unknown>>,
  text: string,
): number | undefined {
  const listed = tokenizerConfig['added_tokens_decoder'];
  if (typeof listed !== 'object' || listed === null) return undefined;
  const entry = Object.entries(listed).find(([, token]) => specialTokenText(token) === text);
  const id = Number(entry?.[0]);
  return Number.isSafeInteger(id) ? id : undefined;
}

/** What the small files of a model folder say. */
interface AuxiliaryTexts {
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  readonly tokens: TemplateTokens;
  readonly hasChatTemplate: boolean;
  readonly generation: GenerationConfig;
  readonly hasTokenizer: boolean;
  /** What is wrong with tokenizer_config.json: raw token ids need none of it. */
  readonly problem: AppError | null;
}

/** What a broken tokenizer_config.json leaves; the error is thrown by whatever needs the file. */
async function readTokenizerSettings(
  directory: string,
): Promise<Pick<AuxiliaryTexts, 'tokenizerConfig' | 'problem'>> {
  try {
    return { tokenizerConfig: await readTokenizerConfig(directory), problem: null };
  } catch (error) {
    const problem = toAppError(error);
    if (problem.code !== 'malformed-file') throw problem;
    return { tokenizerConfig: {}, problem };
  }
}

async function readAuxiliary(directory: string): Promise<AuxiliaryTexts> {
  const [{ tokenizerConfig, problem }, generation, hasTokenizer] = await Promise.all([
    readTokenizerSettings(directory),
    readGenerationConfig(directory),
    exists(path.join(directory, TOKENIZER_FILE)),
  ]);
  const tokens = await readSpecialTokens(directory, tokenizerConfig);
  // One that cannot be read is there all the same: whoever uses it is told.
  const hasChatTemplate = await hasTemplate(directory, tokenizerConfig).catch(() => true);
  return { tokenizerConfig, tokens, hasChatTemplate, generation, hasTokenizer, problem };
}

/** The runner's copy of the output layer as it is now; null where there is none. */
function copyState(directory: string): Pick<WeightsFile, 'name' | 'state'> | null {
  for (const name of RUNTIME_WEIGHTS_FILES) {
    const state = fileStateNow(path.join(directory, name));
    if (state !== null) return { name, state };
  }
  return null;
}

/**
 * Opens a model where it was wished for.
 *
 * @throws AppError, or an error with one of its codes from the kernels
 */
export async function openModel(options: LoadOptions): Promise<OpenedModel> {
  const { device = 'cpu' } = options;
  if (device === 'cpu') return openAhead(options);
  // Whoever stays on the processor does not wait for what chooses and tries GPUs to be read.
  const { openOnGpu } = await import('./open-on-gpu.ts');
  return openOnGpu(options, device);
}

/**
 * Loads a model folder: graph, weights (mapped), configuration, template; the tokenizer follows when it is needed.
 *
 * @throws AppError, or an error with one of its codes from the kernels
 */
export async function loadModel(options: LoadOptions): Promise<RunnableModel> {
  const startMs = performance.now();
  const { directory } = options;
  // On another thread, while the graph is built on this one.
  if (options.device !== 'cuda') prepareRuntime();
  // Read while the model is opened on its own thread; its failure is heard behind the model's.
  const readingAuxiliary = readAuxiliary(directory);
  readingAuxiliary.catch(() => undefined);
  // Before anything of it is read: what is written to it from then on shows.
  const copy = options.mode === 'exact' ? null : copyState(directory);
  let readingListing: Promise<Listing> | null = null;
  const listingOnce = (): Promise<Listing> =>
    (readingListing ??= readListing(directory, options.recordsDirectory));
  const { model, ready, contextLength, device, deviceReason, explain } = await openModel({
    ...options,
    // Sooner, it would take this thread's time from the graph.
    onOpening: () => {
      listingOnce().catch(() => undefined);
    },
  }).catch(async (error: unknown) => {
    // That a file is not the recorded one is the better word for what came of it.
    await requireRecordedFiles(directory, await listingOnce());
    throw error;
  });
  try {
    const listing = await listingOnce();
    const [auxiliary, weights] = await Promise.all([
      readingAuxiliary,
      WeightsGuard.open({
        directory,
        recordsDirectory: options.recordsDirectory,
        listing,
        files: ready.files,
        copy,
      }),
      requireRecordedFiles(directory, listing),
    ]);
    const { tokenizerConfig, tokens, hasChatTemplate, generation, hasTokenizer, problem } =
      auxiliary;
    let reading: Promise<ChatTemplate | null> | null = null;
    const template = (): Promise<ChatTemplate | null> =>
      (reading ??= import('./template/chat-template.ts').then(({ loadChatTemplate }) =>
        loadChatTemplate(directory, tokenizerConfig, tokens),
      ));
    let loading: Promise<ModelTokenizer> | null = null;
    const tokenizer = (): Promise<ModelTokenizer> => {
      if (!hasTokenizer) return Promise.reject(missingTokenizer(directory));
      if (problem !== null) return Promise.reject(problem);
      return (loading ??= import('./tokenizer/load-tokenizer.ts').then(({ loadTokenizer }) =>
        loadTokenizer(directory),
      ));
    };
    const endOfTurn = tokens['eos_token'];
    const endOfTurnId =
      endOfTurn === undefined || !hasTokenizer
        ? undefined
        : (listedTokenId(tokenizerConfig, endOfTurn) ??
          // A tokenizer that cannot be used says so to whoever needs it.
          (await tokenizer().then(
            (loaded) => loaded.idOf(endOfTurn),
            () => undefined,
          )));
    const stopIds = new Set([...generation.stopIds, ...ready.decoder.eosTokenIds]);
    if (endOfTurnId !== undefined) stopIds.add(endOfTurnId);
    return {
      model,
      weights,
      cache: new PromptCache(model),
      template,
      tokenizer,
      explain,
      description: {
        architecture: ready.decoder.className,
        vocabularySize: ready.decoder.vocabularySize,
        contextLength,
        weightsSha256: weights.fingerprint,
        weightsCheck: weights.state,
        hasTokenizer,
        hasChatTemplate,
        // An id that the model cannot produce would never stop anything.
        stopIds: [...stopIds].filter((id) => id < ready.decoder.vocabularySize),
        recommendedSampling: generation.sampling,
        device,
        deviceReason,
        loadMs: performance.now() - startMs,
      },
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}
