import { host } from '../bridge.ts';
import { queryClient, queryKeys } from './queries.ts';

/** How long the address of a download stays valid, in ms: browsers read it at once, but not in the same tick. */
const DOWNLOAD_VALID_MS = 10_000;

function download(fileName: string, text: string, mimeType: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${mimeType};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, DOWNLOAD_VALID_MS);
}

/** Every character that a file name may not have on one of the systems, `/` and `\` among them. */
// eslint-disable-next-line no-control-regex -- control characters are exactly what must not be in a name
const FORBIDDEN = /[\u0000-\u001f\u007f<>:"/\\|?*]/g;

/**
 * Gives a text to the person as a file: through a save dialog where the host has one, else as a download.
 * Characters that no file name may have become `-`.
 * @throws AppError what the host's dialog throws, e.g. `permission-denied`, `disk-full`.
 */
export async function saveText(fileName: string, text: string, mimeType: string): Promise<void> {
  const { canSaveText } = await queryClient.query({
    queryKey: queryKeys.about,
    queryFn: () => host.about({}),
    staleTime: 'static',
  });
  const name = fileName.replace(FORBIDDEN, '-').slice(0, 200);
  if (canSaveText) await host.saveText({ fileName: name, text });
  else download(name, text, mimeType);
}
