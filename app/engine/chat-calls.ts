import { Chats, exportConversation, HeldModels, samplingFor } from '../chat/index.ts';
import { canChat } from '../run/index.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import type { Handlers } from '../contract/rpc.ts';
import { chatSampling, DEFAULT_MAX_TOKENS } from '../contract/sampling.ts';
import { artifactOf } from './catalog-calls.ts';
import type { EngineContext } from './context.ts';
import { currentSettings } from './home/settings.ts';

/** The models that are held and the answers that they give. */
export interface ChatRoom {
  readonly models: HeldModels;
  readonly chats: Chats;
  /** Tidies up after engines that are gone. */
  readonly reclaim: () => Promise<void>;
  /** Stops all answers, keeps them, and ends all runners. */
  close(): Promise<void>;
}

/** Opens the chat of an engine. What a dead engine was writing has failed; what a living one writes stays its own. */
export async function openChat(context: EngineContext): Promise<ChatRoom> {
  const find = (id: string): ReturnType<typeof artifactOf> => artifactOf(context, id);
  const models = new HeldModels({
    openRunner: context.openRunner,
    settings: () => currentSettings(context.catalog),
    artifactOf: find,
  });
  const { conversations } = context.catalog;
  const { lease } = context;
  const owner = (): Promise<string> => lease.acquire();
  const chats = new Chats({ conversations, models, artifactOf: find, owner });
  const reclaim = (): Promise<void> =>
    lease.reclaim(conversations.owners(), (gone) => {
      chats.reclaim(gone);
    });
  chats.reclaim(null);
  await reclaim();
  return {
    models,
    chats,
    reclaim,
    close: async () => {
      await chats.close();
      await models.close();
    },
  };
}

/** The calls under 'Loaded models'. */
export function heldModelCalls({
  models,
}: ChatRoom): Pick<Handlers<EngineApi>, 'loadModel' | 'unloadModel' | 'watchModels' | 'chat'> {
  return {
    loadModel: ({ artifactId }, { signal }) => models.load(artifactId, signal),
    unloadModel: async ({ artifactId }) => {
      await models.unload(artifactId);
      return {};
    },
    watchModels: async (_, { signal, emit }) => {
      await models.watch(emit, signal);
      return {};
    },
    chat: ({ artifactId, messages, sampling, maxTokens }, { signal, emit }) =>
      models.use(artifactId, signal, async ({ client, loaded }) => {
        const drawn = chatSampling({ ...loaded.recommendedSampling, ...sampling });
        return client.chat(
          { messages, sampling: drawn, maxTokens, reuse: true },
          { signal, onEvent: emit },
        );
      }),
  };
}

type ConversationCalls = Pick<
  Handlers<EngineApi>,
  | 'conversations'
  | 'conversation'
  | 'createConversation'
  | 'updateConversation'
  | 'removeConversation'
  | 'restoreConversation'
  | 'say'
  | 'answerAgain'
  | 'contextUse'
  | 'exportConversation'
  | 'chatModels'
>;

/** The calls under 'Conversations'. */
export function conversationCalls(
  context: EngineContext,
  { chats, reclaim }: ChatRoom,
): ConversationCalls {
  const { models } = context.catalog;
  const now = (): string => new Date().toISOString();
  // Async, so that what they throw is a rejection as of every call.
  return {
    chatModels: async () => {
      const able = await Promise.all(
        models.artifacts().map(async (artifact) => ({
          artifact,
          able: await canChat(artifact.directory),
        })),
      );
      return able
        .filter((entry) => entry.able)
        .map(({ artifact: { id, createdAt } }) => ({ id, createdAt }));
    },
    conversations: async ({ query }) => {
      await reclaim();
      return chats.conversations.list(query);
    },
    conversation: async ({ conversationId }) => {
      await reclaim();
      return chats.conversations.conversation(conversationId);
    },
    createConversation: async ({ artifactId, system = '', sampling, maxTokens }) => {
      const { directory } = artifactOf(context, artifactId);
      return chats.conversations.create({
        artifactId,
        title: '',
        system,
        sampling: sampling ?? (await samplingFor(directory)),
        maxTokens: maxTokens ?? DEFAULT_MAX_TOKENS,
        now: now(),
      });
    },
    updateConversation: async ({ conversationId, ...changes }) => {
      // A conversation whose model was deleted can still be renamed.
      if (changes.artifactId !== undefined) artifactOf(context, changes.artifactId);
      chats.conversations.update(conversationId, changes);
      return Promise.resolve(chats.conversations.conversation(conversationId));
    },
    removeConversation: async ({ conversationId }) => {
      await chats.stop(conversationId);
      chats.conversations.hide(conversationId, now(), await context.lease.acquire());
      return {};
    },
    restoreConversation: async ({ conversationId }) => {
      chats.conversations.restore(conversationId);
      return Promise.resolve({});
    },
    say: async (params, call) => chats.say(params, call),
    answerAgain: async (params, call) => chats.answerAgain(params, call),
    contextUse: async ({ conversationId, draft }) => chats.contextUse(conversationId, draft),
    exportConversation: async ({ conversationId, format }) =>
      Promise.resolve(
        exportConversation(chats.conversations.conversation(conversationId), format, (id) =>
          models.artifact(id),
        ),
      ),
  };
}
