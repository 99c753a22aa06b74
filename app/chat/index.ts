/** The door of app/chat. */
export { Chats } from './chats.ts';
export type { AnswerCall, ChatsOptions } from './chats.ts';
export { exportConversation } from './export-conversation.ts';
export type { ExportedConversation } from './export-conversation.ts';
export { HeldModels } from './loaded-models.ts';
export type { HeldModelsOptions } from './loaded-models.ts';
export { samplingFor } from './sampling.ts';
