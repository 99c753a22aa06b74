import { Component, type ReactNode } from 'react';

/**
 * Keeps a fault in showing one message inside it: what was written is shown without any form, and the conversation can be
 * read on. Another text is tried anew.
 */
export class AnswerBoundary extends Component<
  { readonly text: string; readonly children: ReactNode },
  { readonly failedText: string | null }
> {
  override state: { readonly failedText: string | null } = { failedText: null };

  static getDerivedStateFromError(): { readonly failedText: string } {
    return { failedText: '' };
  }

  override componentDidCatch(): void {
    this.setState({ failedText: this.props.text });
  }

  override componentDidUpdate(before: { readonly text: string }): void {
    if (this.state.failedText !== null && before.text !== this.props.text)
      this.setState({ failedText: null });
  }

  override render(): ReactNode {
    const { text, children } = this.props;
    return this.state.failedText === null ? (
      children
    ) : (
      <div className="chat-prose">
        <p className="chat-unparsed">{text}</p>
      </div>
    );
  }
}
