/** A worker that reads replicated regions from wherever it is put. */

import { parentPort } from 'node:worker_threads';
import { attachReplicated, type ReplicaToken, type ReplicatedRegion } from '../../../dist/index.js';

/** What the worker is to do. */
export type ReplicaDeed =
  | { readonly does: 'attach'; readonly token: ReplicaToken<Uint32Array> }
  | { readonly does: 'use'; readonly times: number }
  | { readonly does: 'read'; readonly at: number }
  | { readonly does: 'write'; readonly at: number; readonly value: number }
  | { readonly does: 'release' };

let region: ReplicatedRegion<Uint32Array>;
// Emulated memory is slow: one word of each KiB.
const stride = 256;

function sum(view: Uint32Array): number {
  let total = 0;
  for (let i = 0; i < view.length; i += stride) total = (total + view[i]) >>> 0;
  return total;
}

function act(deed: ReplicaDeed): number | undefined {
  switch (deed.does) {
    case 'attach':
      region = attachReplicated(deed.token);
      return undefined;
    case 'use': {
      let total = 0;
      for (let i = 0; i < deed.times; i++) total = region.use(0, region.length, sum);
      return total;
    }
    case 'read':
      return region.read(deed.at, 1)[0];
    case 'write':
      region.write(deed.at, Uint32Array.of(deed.value));
      return undefined;
    case 'release':
      region.release();
      return undefined;
  }
}

parentPort?.on('message', (deed: ReplicaDeed) => parentPort?.postMessage({ result: act(deed) }));
parentPort?.postMessage({ ready: true });
