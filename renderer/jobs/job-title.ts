import { useTranslation } from 'react-i18next';
import type { JobRequest } from '../../app/contract/job.ts';

/** What a job does, in words: `Make 2 versions`. */
export function useJobTitle(): (request: JobRequest) => string {
  const { t } = useTranslation('jobs');
  return (request) => {
    if (request.kind !== 'make') return t(`what.${request.kind}`);
    const count = request.schemes.length;
    return count === 0 ? t('what.download') : t('what.make', { count });
  };
}
