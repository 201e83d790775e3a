// What a program in the guest asks of the host: a QMP command, to have the power cut, or something of its peer. A request
// is a JSON file in `requests/` of the share, and its answer a file beside it; both appear whole, by renaming.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { qmp } from './qmp.js';

const everyMs = 50;

/** Answers requests until stopped. `kill` ends the machine as a power cut does; `peer` is its {@link Peer}, if any. */
export function answerGuest(share, socket, { kill, peer }) {
  const folder = join(share, 'requests');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const seen = new Set();

  const askPeer = async (verb) => {
    if (peer === undefined) throw new Error('this machine has no peer');
    return peer.answer(verb);
  };

  const answer = async (name) => {
    const {
      kill: powerCut,
      peer: verb,
      execute,
      arguments: args,
    } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    if (powerCut) {
      kill();
      return;
    }
    const done = verb === undefined ? qmp(socket, execute, args) : askPeer(verb);
    const reply = await done.then(
      (result) => ({ result }),
      (error) => ({ error: error.message }),
    );
    const path = join(folder, name.replace(/\.request$/, '.reply'));
    writeFileSync(`${path}.part`, JSON.stringify(reply));
    renameSync(`${path}.part`, path);
  };

  const timer = setInterval(() => {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      if (!name.endsWith('.request') || seen.has(name)) continue;
      seen.add(name);
      // It fails when the machine ends meanwhile: then nobody waits for the reply.
      answer(name).catch(() => undefined);
    }
  }, everyMs);
  return { stop: () => clearInterval(timer) };
}
