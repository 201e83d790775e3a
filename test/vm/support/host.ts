/** Asks the host, by way of the share, for what only it can do to the machine. */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const requests = '/run/machine/share/requests';
let next = 0;

function send(request: object): string {
  const name = `${requests}/${process.pid}-${next++}`;
  writeFileSync(`${name}.part`, JSON.stringify(request));
  renameSync(`${name}.part`, `${name}.request`);
  return name;
}

/** Sends a QMP command to the emulator and resolves to its result; rejects with its error. */
export async function qmp(execute: string, args: object = {}): Promise<unknown> {
  const name = send({ execute, arguments: args });
  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 50) {
    await sleep(50);
    if (!existsSync(`${name}.reply`)) continue;
    const { result, error } = JSON.parse(readFileSync(`${name}.reply`, 'utf8'));
    if (error !== undefined) throw new Error(`${execute}: ${error}`);
    return result;
  }
  throw new Error(`${execute}: the host did not answer`);
}

/** Cuts the machine's power: the emulator is killed at once. Never returns. */
export async function cutPower(): Promise<never> {
  send({ kill: true });
  await sleep(60_000);
  throw new Error('the power was not cut');
}
