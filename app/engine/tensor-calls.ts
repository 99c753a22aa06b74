import { AppError } from '../contract/error.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import type { Handlers } from '../contract/rpc.ts';
import { nearNames, viewTensor } from '../inspect-tensor/index.ts';
import { artifactOf } from './catalog-calls.ts';
import { isUnchanged } from './register/checkpoint-version.ts';
import type { EngineContext } from './context.ts';

/** The call that looks at a single tensor. */
export function tensorCalls(context: EngineContext): Pick<Handlers<EngineApi>, 'tensorView'> {
  const { models } = context.catalog;
  return {
    tensorView: async ({ id, tensor: name, bins }, { signal }) => {
      const artifact = artifactOf(context, id);
      const tensors = models.tensors(id);
      const tensor = tensors.find((candidate) => candidate.name === name);
      if (tensor === undefined) {
        const near = nearNames(
          name,
          tensors.map((candidate) => candidate.name),
        );
        throw new AppError('not-found', `${id} has no tensor ${name}.`, {
          remedy: near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `See: nibble show ${id}`,
        });
      }
      const checkpoint = models.checkpoint(artifact.checkpointId);
      const isThere = checkpoint !== null && (await isUnchanged(context, checkpoint));
      return viewTensor({
        artifact,
        tensor,
        checkpointDirectory: isThere ? checkpoint.directory : null,
        bins,
        signal,
      });
    },
  };
}
