import type { Api, CallContext, CallOptions, Client, Handlers } from '../../app/contract/rpc.ts';

type AnyCall = (params: unknown, options: CallOptions<unknown>) => Promise<unknown>;

/**
 * Handlers that pass every call on to `client`, its signal and its events included: many windows or sockets share one
 * engine that way. Parameters are checked on arrival here and again where they are used.
 */
export function relay<A extends Api>(api: A, client: Client<A>): Handlers<A> {
  const passOn =
    (name: string) =>
    (params: unknown, { signal, emit }: CallContext<unknown>): Promise<unknown> =>
      (client[name] as AnyCall)(params, { signal, onEvent: emit });
  return Object.fromEntries(
    Object.keys(api).map((name) => [name, passOn(name)]),
  ) as unknown as Handlers<A>;
}
