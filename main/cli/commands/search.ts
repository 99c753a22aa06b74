import { formatCount } from '../../../app/contract/format.ts';
import type { Session } from '../session.ts';

/** Lists models of the hub that match a query. */
export async function searchCommand(
  { engine, output, quiet }: Session,
  options: { query: string; limit: number },
): Promise<undefined> {
  const models = await engine.search(options, quiet);
  output.document(models);
  if (models.length === 0) output.line(`No model matches '${options.query}'.`);
  else
    output.table(
      ['Repository', 'Downloads', 'Likes', 'Task', ''],
      models.map((model) => [
        model.repository,
        formatCount(model.downloads),
        formatCount(model.likes),
        model.task ?? '',
        model.gated ? 'gated' : '',
      ]),
      [1, 2],
    );
  return undefined;
}
