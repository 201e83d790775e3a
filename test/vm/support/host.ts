/** Asks the host, by way of the share, for what only it can do to the machine. */

import { setTimeout as sleep } from 'node:timers/promises';
import { reply, send } from './requests.ts';

const requests = '/run/machine/share/requests';

/** Sends a QMP command to the emulator and resolves to its result; rejects with its error. */
export async function qmp(execute: string, args: object = {}): Promise<unknown> {
  try {
    return await reply(send(requests, { execute, arguments: args }), 60);
  } catch (error) {
    throw new Error(`${execute}: ${(error as Error).message}`);
  }
}

/** Cuts the machine's power: the emulator is killed at once. Never returns. */
export async function cutPower(): Promise<never> {
  send(requests, { kill: true });
  await sleep(60_000);
  throw new Error('the power was not cut');
}

/** Starts or kills the second machine of this boot; resolves when that is done, which is before it is up. */
export async function peerPower(verb: 'boot' | 'kill'): Promise<void> {
  await reply(send(requests, { peer: verb }), 60);
}
