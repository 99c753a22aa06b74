import { ImageOff, Square, SquareCheck } from 'lucide-react';
import { isValidElement, memo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import Markdown, { defaultUrlTransform, type Components, type Options } from 'react-markdown';
import rehypeHighlight from 'rehype-highlight';
import remarkGfm from 'remark-gfm';
import { CodeBlock } from './code-block.tsx';
import { splitBlocks } from './markdown-blocks.ts';
import { isBeyondMarkdown } from './markdown-limits.ts';
import { SafeLink } from './safe-link.tsx';

/** Made once: it registers some 40 languages, and the markdown processor is made anew for each block. */
const highlight = rehypeHighlight();
const highlightOnce = (): typeof highlight => highlight;

/** Images would be fetched from wherever a model says: a way to leak a conversation. */
function ImageNote({ alt }: { readonly alt: string | undefined }): ReactNode {
  const { t } = useTranslation('chat');
  return (
    <span className="chat-image-note">
      <ImageOff aria-hidden />
      {alt === undefined || alt === '' ? t('imageNotLoaded') : t('imageNotLoadedAlt', { alt })}
    </span>
  );
}

function TaskBox({ isDone }: { readonly isDone: boolean }): ReactNode {
  const { t } = useTranslation('chat');
  const label = isDone ? t('taskDone') : t('taskOpen');
  return isDone ? (
    <SquareCheck role="img" aria-label={label} className="chat-task" />
  ) : (
    <Square role="img" aria-label={label} className="chat-task" />
  );
}

function languageOf(children: ReactNode): string | null {
  if (!isValidElement<{ className?: string }>(children)) return null;
  return /language-([^\s]+)/.exec(children.props.className ?? '')?.[1] ?? null;
}

const components: Components = {
  // The view has the first heading, a message the second.
  h1: ({ children }) => <h3 className="chat-h1">{children}</h3>,
  h2: ({ children }) => <h3 className="chat-h2">{children}</h3>,
  h3: ({ children }) => <h4>{children}</h4>,
  h4: ({ children }) => <h5>{children}</h5>,
  a: ({ href, children }) => <SafeLink href={href}>{children}</SafeLink>,
  img: ({ alt }) => <ImageNote alt={alt} />,
  input: ({ checked }) => <TaskBox isDone={checked === true} />,
  pre: ({ children }) => <CodeBlock language={languageOf(children)}>{children}</CodeBlock>,
  table: ({ children }) => (
    <div className="chat-table" tabIndex={0} role="group">
      <table>{children}</table>
    </div>
  ),
};

const plain: Options = {
  components,
  remarkPlugins: [remarkGfm],
  urlTransform: defaultUrlTransform,
};
const withCode: Options = { ...plain, rehypePlugins: [highlightOnce] };

/** Parsed blocks that were on the screen lately, so that scrolling back parses nothing. */
const PARSED_LIMIT = 1500;
const parsed = new Map<string, ReactNode>();

/** Parses a block; raw HTML in it becomes text. What cannot be parsed is shown as it was written. */
function parse(text: string): ReactNode {
  if (isBeyondMarkdown(text)) return <p className="chat-unparsed">{text}</p>;
  try {
    return Markdown({ ...(/(```|~~~)/.test(text) ? withCode : plain), children: text });
  } catch {
    return <p className="chat-unparsed">{text}</p>;
  }
}

function remembered(text: string): ReactNode {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const element = parse(text);
  if (parsed.size >= PARSED_LIMIT) {
    const oldest = parsed.keys().next();
    if (oldest.done !== true) parsed.delete(oldest.value);
  }
  parsed.set(text, element);
  return element;
}

const Block = memo(function Block({
  text,
  isGrowing,
}: {
  readonly text: string;
  /** A block that grows is parsed but not kept. */
  readonly isGrowing: boolean;
}): ReactNode {
  return isGrowing ? parse(text) : remembered(text);
});

/** What a model wrote, as markdown. */
export const MarkdownText = memo(function MarkdownText({
  text,
  isStreaming = false,
}: {
  readonly text: string;
  readonly isStreaming?: boolean;
}): ReactNode {
  const blocks = splitBlocks(text);
  return (
    <div className="chat-prose">
      {blocks.map((block, index) => (
        <Block
          // Blocks never change their place: text only grows at its end.
          key={index}
          text={block}
          isGrowing={isStreaming && index === blocks.length - 1}
        />
      ))}
    </div>
  );
});
