import type { Artifact } from '../contract/checkpoint.ts';
import { branchOf, type Conversation, type ConversationMessage } from '../contract/conversation.ts';
import { charactersOf } from './characters.ts';

export interface ExportedConversation {
  readonly fileName: string;
  readonly text: string;
}

/** Characters of a file name: with an ending it stays far below the 255 bytes that file systems allow. */
const NAME_LENGTH = 60;

/** Names that Windows keeps for devices, whatever their ending. */
const DEVICE_NAME = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

function fileNameFor(title: string): string {
  // What some file system forbids, and what no one can see.
  const visible = title.replace(/[\p{C}\p{Zl}\p{Zp}\\/:*?"<>|]+/gu, ' ').replace(/\s+/g, ' ');
  const name = charactersOf(visible)
    .slice(0, NAME_LENGTH)
    .join('')
    // Windows drops dots at the end; at the beginning they hide a file.
    .replace(/^[\s.]+|[\s.]+$/g, '');
  return name === '' || DEVICE_NAME.test(name) ? `${name}conversation` : name;
}

/** Plain text for one line of Markdown. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|~]/g, '\\$&');
}

/** The fence that a text leaves open, as a stopped answer may: what follows must not become part of its code. */
function openFence(text: string): string | null {
  let open: string | null = null;
  for (const line of text.split('\n')) {
    const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    const [, mark = '', rest = ''] = fence ?? [];
    if (mark === '') continue;
    if (open === null) {
      if (mark.startsWith('~') || !rest.includes('`')) open = mark;
    } else if (mark[0] === open[0] && mark.length >= open.length && rest.trim() === '') open = null;
  }
  return open;
}

/** The text as it was written, with its last fence closed. */
function verbatim(text: string): string {
  const fence = openFence(text);
  return fence === null ? text : `${text.replace(/\n$/, '')}\n${fence}`;
}

function quoted(text: string): string {
  return verbatim(text)
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}

/** The name of the model that answered, with what the weights are known by. */
function modelName(
  artifactId: string,
  { weightsSha256: weights, weightsCheck }: ConversationMessage,
  artifact: Artifact | null,
): string {
  const name = artifact === null ? artifactId : `${artifact.name} (${artifact.scheme})`;
  if (weights === null) return escaped(name);
  const state = weightsCheck === 'verified' ? 'verified' : 'not verified';
  return `${escaped(name)}, weights \`${weights.slice(0, 12)}\` (${state})`;
}

type FindArtifact = (id: string) => Artifact | null;

function messageLines(message: ConversationMessage, find: FindArtifact): string[] {
  const { role, content, state, artifactId, error } = message;
  const who =
    role === 'user' || artifactId === null
      ? role === 'user'
        ? 'You'
        : 'Assistant'
      : modelName(artifactId, message, find(artifactId));
  const ends: Readonly<Record<ConversationMessage['state'], string | null>> = {
    complete: null,
    streaming: '*(still being written)*',
    stopped: '*(stopped)*',
    failed: `*(failed: ${escaped(error?.message ?? 'unknown')})*`,
  };
  const end = ends[state];
  return [`## ${who}`, verbatim(content), ...(end === null ? [] : [end])];
}

function toMarkdown(conversation: Conversation, find: FindArtifact): string {
  const { artifactId, sampling, maxTokens, system, title } = conversation;
  const artifact = find(artifactId);
  const settings = [
    `temperature ${sampling.temperature}`,
    `top-k ${sampling.topK}`,
    `top-p ${sampling.topP}`,
    `min-p ${sampling.minP}`,
    `repetition penalty ${sampling.repetitionPenalty}`,
    `seed ${sampling.seed}`,
    `at most ${maxTokens} tokens`,
  ];
  const model =
    artifact === null
      ? escaped(artifactId)
      : `${escaped(artifact.name)}, scheme ${artifact.scheme}, weights \`${artifact.weightsSha256}\``;
  const facts = [
    `- Model: ${model}`,
    `- Settings: ${settings.join(', ')}`,
    `- Date: ${conversation.createdAt}`,
  ];
  const branch = branchOf(conversation.messages, conversation.leafId);
  const parts = [
    `# ${title === '' ? 'Conversation' : escaped(title)}`,
    facts.join('\n'),
    ...(system === '' ? [] : ['System prompt:', quoted(system)]),
    ...branch.flatMap((message) => messageLines(message, find)),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** What a program reads: everything, all branches. */
function toJson(conversation: Conversation, find: FindArtifact): string {
  const ids = [conversation.artifactId, ...conversation.messages.map((m) => m.artifactId)];
  const models = [...new Set(ids)].flatMap((id) => {
    const artifact = id === null ? null : find(id);
    if (artifact === null) return [];
    const { name, scheme, weightsSha256, architecture } = artifact;
    return [{ id: artifact.id, name, scheme, weightsSha256, architecture }];
  });
  return `${JSON.stringify({ format: 'nibble-conversation', version: 1, models, conversation }, null, 2)}\n`;
}

/** A conversation as a file: Markdown shows the branch that is shown, JSON holds all of them. */
export function exportConversation(
  conversation: Conversation,
  format: 'markdown' | 'json',
  find: FindArtifact,
): ExportedConversation {
  const name = fileNameFor(conversation.title);
  return format === 'json'
    ? { fileName: `${name}.json`, text: toJson(conversation, find) }
    : { fileName: `${name}.md`, text: toMarkdown(conversation, find) };
}
