/** The second machine of a boot, from the first: whatever a module of this folder exports can be called there. */

import { commonFolder } from './common-folder.ts';
import { peerPower } from './host.ts';
import { reply, send } from './requests.ts';

const share = commonFolder();
/** How long a call may take; booting, which the first one waits for, takes 20 to 100 s on two busy cores. */
const callSeconds = 300;

/** A module's functions as they are when they run elsewhere. Arguments and results go as JSON. */
export type Remote<M> = {
  readonly [K in keyof M]: M[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

/** Boots it. It is up when it answers the first call. */
export async function bootPeer(): Promise<void> {
  await peerPower('boot');
}

/** Cuts its power: its emulator is dead when this resolves. Calls that it had not answered reject. */
export async function killPeer(): Promise<void> {
  await peerPower('kill');
}

/**
 * The functions of `support/<module>.ts` in the peer, where the module stays loaded until the peer is killed. A call
 * is on its way when it returns its promise: what blocks this thread afterwards runs beside it.
 */
export function peerModule<M>(module: string): Remote<M> {
  return new Proxy({} as Remote<M>, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        reply(send(`${share}/deeds`, { module, name, args }), callSeconds, `${share}/ended`),
  });
}
