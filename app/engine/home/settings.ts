import { z } from 'zod';
import type { Catalog } from '../../catalog/index.ts';
import type { EngineApi } from '../../contract/engine-api.ts';
import { AppError } from '../../contract/error.ts';
import type { Handlers } from '../../contract/rpc.ts';
import { defaultSettings, settingsSchema, type Settings } from '../../contract/settings.ts';
import { usualScheme } from '../../formats/index.ts';
import type { HubAccess } from '../hub-access.ts';

/** What is set now, with the defaults for what never was. */
export function currentSettings(catalog: Catalog): Settings {
  const { name } = usualScheme();
  return { ...defaultSettings, defaultSchemes: [name], ...catalog.settings.read() };
}

/** The calls around what a person can set. */
export function settingsCalls(
  catalog: Catalog,
  access: HubAccess,
): Pick<Handlers<EngineApi>, 'settings' | 'updateSettings' | 'setHubToken'> {
  return {
    settings: async () => await Promise.resolve(currentSettings(catalog)),

    updateSettings: async (params) => {
      const changes = settingsSchema.partial().safeParse(params);
      if (!changes.success)
        throw new AppError(
          'invalid-input',
          `This cannot be set: ${z.prettifyError(changes.error).replaceAll('\n', ' ')}`,
        );
      const given = Object.entries(changes.data).filter(([, value]) => value !== undefined);
      const { hubEndpoint } = changes.data;
      if (hubEndpoint !== undefined) access.check(hubEndpoint);
      catalog.settings.write(Object.fromEntries(given));
      access.refresh();
      return await Promise.resolve(currentSettings(catalog));
    },

    setHubToken: async ({ token }, { signal }) => ({
      account: await access.keepToken(token, signal),
    }),
  };
}
