import { Copy, Download } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { engine } from '../../../bridge.ts';
import { ActionMenu } from '../../../design/menu.tsx';
import { toast } from '../../../design/toasts.tsx';
import { saveText } from '../../../state/save-text.ts';
import { errorText } from '../../../errors/error-words.ts';

const mimeTypes = { markdown: 'text/markdown', json: 'application/json' } as const;

/** Takes a conversation out of Nibble. */
export function ExportMenu({ conversationId }: { readonly conversationId: number }): ReactNode {
  const { t } = useTranslation('chat');
  const attempt = (work: () => Promise<void>) => (): void => {
    work().catch((thrown: unknown) => {
      toast({ text: t('export.failed', { reason: errorText(thrown) }), look: 'danger' });
    });
  };
  const save = (format: 'markdown' | 'json'): (() => void) =>
    attempt(async () => {
      const { fileName, text } = await engine.exportConversation({ conversationId, format });
      await saveText(fileName, text, mimeTypes[format]);
    });
  return (
    <ActionMenu
      label={t('export.label')}
      actions={[
        {
          id: 'markdown',
          label: t('export.markdown'),
          icon: <Download aria-hidden />,
          onAction: save('markdown'),
        },
        {
          id: 'json',
          label: t('export.json'),
          icon: <Download aria-hidden />,
          onAction: save('json'),
        },
        'separator',
        {
          id: 'copy',
          label: t('export.copy'),
          icon: <Copy aria-hidden />,
          onAction: attempt(async () => {
            const { text } = await engine.exportConversation({
              conversationId,
              format: 'markdown',
            });
            await navigator.clipboard.writeText(text);
            toast({ text: t('export.copied'), look: 'good' });
          }),
        },
      ]}
    >
      <Download aria-hidden />
    </ActionMenu>
  );
}
