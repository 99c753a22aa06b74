import { toAppError } from '../contract/error.ts';
import type { Settings } from '../contract/settings.ts';
import { Hub } from '../hub/index.ts';
import type { Secrets } from './home/secrets.ts';

export interface HubAccessOptions {
  /** What the host insists on; goes before the settings. */
  readonly endpoint: string | undefined;
  readonly token: string | undefined;
  readonly secrets: Secrets;
  /** What is set now. */
  readonly settings: () => Settings;
}

/**
 * The hub that is spoken to now. Settings and token take effect with the next call; work that is under way keeps the
 * hub it began with.
 *
 * Endpoint: the host's, else the settings', else HF_ENDPOINT, else the public hub. Token: the host's, else HF_TOKEN,
 * else the kept one. The token stays in here.
 */
export class HubAccess {
  readonly #options: HubAccessOptions;
  #kept: string | null = null;
  #hub: Hub;
  /** What could not be used of what was kept, in words for the person. */
  readonly problems: string[] = [];

  private constructor(options: HubAccessOptions, hub: Hub) {
    this.#options = options;
    this.#hub = hub;
  }

  /** @throws AppError 'invalid-input' for an endpoint or token of the host or the environment that cannot be used */
  static async open(options: HubAccessOptions): Promise<HubAccess> {
    const { endpoint, token } = options;
    // Built of what the host gives alone: that must be sound, what was kept may be left out.
    const access = new HubAccess(options, new Hub({ endpoint, token }));
    try {
      const kept = await options.secrets.read();
      access.#hub = access.#build(options.settings().hubEndpoint, kept);
      access.#kept = kept;
    } catch (error) {
      access.problems.push(
        `The kept hub token or address cannot be used: ${toAppError(error).message}`,
      );
    }
    return access;
  }

  get hub(): Hub {
    return this.#hub;
  }

  #build(endpoint: string | null, kept: string | null): Hub {
    const options = this.#options;
    const fromEnvironment = (process.env['HF_TOKEN'] ?? '').trim() !== '';
    return new Hub({
      endpoint: options.endpoint ?? endpoint ?? undefined,
      token: options.token ?? (fromEnvironment ? undefined : (kept ?? '')),
    });
  }

  /** Tries an address before it is kept. @throws AppError 'invalid-input' */
  check(endpoint: string | null): void {
    // The host's own address would hide a bad one.
    new Hub({ endpoint: endpoint ?? undefined, token: '' });
  }

  /** Takes over what the settings say now. */
  refresh(): void {
    this.#hub = this.#build(this.#options.settings().hubEndpoint, this.#kept);
  }

  /**
   * Keeps a token, or with null forgets it.
   *
   * @returns whose token it is, null where that could not be found out
   * @throws AppError 'invalid-input' for what can be no token, 'unauthorized' for one that the hub does not know: nothing
   * is kept then
   */
  async keepToken(token: string | null, signal?: AbortSignal): Promise<string | null> {
    const hub = new Hub({ endpoint: this.#hub.endpoint, token: token ?? '' });
    const account = token === null ? null : await ownerOf(hub, signal);
    await this.#options.secrets.write(token);
    this.#kept = token;
    this.refresh();
    return account;
  }
}

/** Without a network, or on a mirror that has no accounts, a token is kept unseen: it is looked at when it is used. */
async function ownerOf(hub: Hub, signal: AbortSignal | undefined): Promise<string | null> {
  try {
    return await hub.forPerson.whoAmI({ signal });
  } catch (error) {
    const { code } = toAppError(error);
    if (code === 'unauthorized' || code === 'aborted') throw error;
    return null;
  }
}
