import { createInterface } from 'node:readline/promises';
import { toAppError } from '../../../app/contract/error.ts';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import type { OpenedRunner } from '../../../app/contract/open-runner.ts';
import type { Answer } from '../../../app/contract/runner-api.ts';
import type { Message, Sampling } from '../../../app/contract/sampling.ts';
import {
  answerSummary,
  chatSampling,
  DEFAULT_MAX_TOKENS,
  withCheckedWeights,
  withRunner,
} from '../generation.ts';
import { printProfile } from '../profile-table.ts';
import type { GenerationOptions } from '../arguments.ts';
import { exitCodes, type Session } from '../session.ts';
import { errorLine } from '../words/error-line.ts';
import { drawingStream } from '../terminal.ts';

interface ChatOptions extends GenerationOptions {
  readonly id: string;
  readonly prompt?: string;
  readonly system?: string;
  readonly save: boolean;
}

/** A title is for a list: the beginning of the first question. */
const TITLE_LENGTH = 60;

const helpText = `/help     this list
/reset    forget the conversation and begin a new one
/system T set the system prompt and begin a new conversation
/quit     leave (also Ctrl-D)
Ctrl-C stops an answer; between answers, or once more, it leaves.`;

/** A conversation with one model: asks, streams, remembers, keeps it in the catalog. */
class Conversation {
  readonly #session: Session;
  readonly #runner: OpenedRunner;
  readonly #artifact: Artifact;
  readonly #options: ChatOptions;
  readonly sampling: Sampling;
  #messages: Message[] = [];
  #savedAs: number | null = null;

  constructor(session: Session, runner: OpenedRunner, artifact: Artifact, options: ChatOptions) {
    this.#session = session;
    this.#runner = runner;
    this.#artifact = artifact;
    this.#options = options;
    this.sampling = chatSampling(options, runner.loaded);
    this.reset(options.system);
  }

  reset(system: string | undefined): void {
    this.#messages = system === undefined ? [] : [{ role: 'system', content: system }];
    this.#savedAs = null;
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  async ask(prompt: string, signal: AbortSignal): Promise<Answer> {
    const { output } = this.#session;
    const messages: Message[] = [...this.#messages, { role: 'user', content: prompt }];
    const answered = await this.#runner.client.chat(
      {
        messages,
        sampling: this.sampling,
        maxTokens: this.#options.maxTokens ?? DEFAULT_MAX_TOKENS,
        reuse: true,
      },
      {
        signal,
        onEvent: (tokens) => {
          output.write(tokens.map((token) => token.text).join(''));
        },
      },
    );
    output.line();
    // A conversation goes on: its check does too, while the model rests.
    const isLast = this.#options.prompt !== undefined;
    const answer = isLast ? await withCheckedWeights(answered, this.#runner, signal) : answered;
    this.#messages = [...messages, { role: 'assistant', content: answer.text }];
    output.note(output.style('dim', answerSummary(answer, this.sampling)));
    await this.#save();
    return answer;
  }

  async #save(): Promise<void> {
    if (!this.#options.save) return;
    const first = this.#messages.find((message) => message.role === 'user')?.content ?? '';
    const { engine, quiet } = this.#session;
    const { conversationId } = await engine.saveConversation(
      {
        conversationId: this.#savedAs,
        artifactId: this.#artifact.id,
        title: first.slice(0, TITLE_LENGTH),
        messages: this.#messages,
        sampling: this.sampling,
      },
      quiet,
    );
    this.#savedAs = conversationId;
  }
}

async function talk(session: Session, conversation: Conversation, id: string): Promise<void> {
  const { output, signal } = session;
  output.note(output.style('dim', `Talking with ${id}. /help lists the commands.`));
  const lines = createInterface({ input: process.stdin, output: drawingStream, prompt: '> ' });
  let answering: AbortController | null = null;
  /** Whether a person stopped the last answer: what was typed ahead is not wanted then where they leave. */
  let wasStopped = false;
  // Lines that were typed ahead are still answered after the input has ended; only a prompt is no longer possible.
  let ended = false;
  lines.on('close', () => {
    ended = true;
  });
  const isLeaving = (): boolean => ended;
  const prompt = (): void => {
    if (!ended) lines.prompt();
  };
  // readline takes Ctrl-C for itself on a terminal; without an answer to stop it means: leave.
  lines.on('SIGINT', () => {
    // Once more while an answer is being stopped: leave, and do not wait for what does not stop.
    if (answering?.signal.aborted === true && ended) process.exit(exitCodes.interrupted);
    if (answering === null || answering.signal.aborted) lines.close();
    else answering.abort();
  });
  signal.addEventListener('abort', () => {
    answering?.abort();
    lines.close();
  });
  prompt();
  for await (const line of lines) {
    const text = line.trim();
    if (text === '/quit' || text === '/exit') break;
    if (text === '/help') output.noteBlock(helpText);
    else if (text === '/reset') conversation.reset(undefined);
    else if (text.startsWith('/system')) conversation.reset(text.slice('/system'.length).trim());
    else if (text.startsWith('/')) output.note(`There is no command ${text}. /help lists them.`);
    else if (text !== '') {
      answering = new AbortController();
      try {
        await conversation.ask(text, answering.signal);
      } catch (error) {
        // The next question may go well: this one was too long, say, or refused by the template.
        const known = toAppError(error);
        if (known.code === 'runner-crashed') throw error;
        output.line();
        output.note(errorLine(known));
      } finally {
        wasStopped = answering.signal.aborted;
        answering = null;
      }
    }
    if (signal.aborted || (isLeaving() && wasStopped)) break;
    prompt();
  }
  lines.close();
}

/** Talks with a model: one answer with --prompt, a conversation without. */
export async function chatCommand(session: Session, options: ChatOptions): Promise<number> {
  const { output, signal } = session;
  return withRunner(session, options.id, options, async (runner, artifact) => {
    const conversation = new Conversation(session, runner, artifact, options);
    if (options.prompt === undefined) {
      await talk(session, conversation, options.id);
      const profile = await printProfile(output, runner, options.profile);
      const { messages, sampling } = conversation;
      output.document({ messages, sampling, ...profile });
      return signal.aborted ? exitCodes.interrupted : exitCodes.done;
    }
    const answer = await conversation.ask(options.prompt, signal);
    const profile = await printProfile(output, runner, options.profile);
    output.document({
      artifactId: artifact.id,
      sampling: conversation.sampling,
      device: runner.loaded.device,
      deviceReason: runner.loaded.deviceReason,
      ...answer,
      ...profile,
    });
    return answer.statistics.stop === 'cancelled' ? exitCodes.interrupted : exitCodes.done;
  });
}
