import { Braces, FileText } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Comparison } from '../../../../app/contract/comparison.ts';
import { engine } from '../../../bridge.ts';
import { ActionMenu } from '../../../design/menu.tsx';
import { toast } from '../../../design/toasts.tsx';
import { saveText } from '../../../state/save-text.ts';
import { errorText } from '../../../errors/error-words.ts';

async function saveReport(comparisonId: number): Promise<void> {
  const { fileName, html } = await engine.exportComparison({ comparisonId });
  await saveText(fileName, html, 'text/html');
}

/** A finished comparison as a file. */
export function ComparisonActions({ comparison }: { readonly comparison: Comparison }): ReactNode {
  const { t } = useTranslation('compare');
  const { t: common } = useTranslation();
  const { id } = comparison;
  const told = (work: Promise<void>): void => {
    work.catch((error: unknown) => {
      toast({ text: errorText(error), look: 'danger' });
    });
  };
  if (id === null) return null;
  return (
    <ActionMenu
      label={t('export.label')}
      look="normal"
      size="small"
      actions={[
        {
          id: 'html',
          label: t('export.html'),
          icon: <FileText aria-hidden />,
          onAction: () => {
            told(saveReport(id));
          },
        },
        {
          id: 'json',
          label: t('export.json'),
          icon: <Braces aria-hidden />,
          onAction: () => {
            told(
              saveText(
                `comparison-${id}.json`,
                `${JSON.stringify(comparison, null, 2)}\n`,
                'application/json',
              ),
            );
          },
        },
      ]}
    >
      {common('export')}
    </ActionMenu>
  );
}
