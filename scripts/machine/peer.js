// A second machine beside the first one of a boot, with memory devices that are the same bytes in both. A program in the
// first one has it booted and killed; what it is to do there are files in its share, which is a folder of the first
// one's share (test/vm/peer.ts).

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boot } from './boot.js';

/** What two machines can share, and the option of a boot that says which file is behind it. */
const sharedFiles = {
  nvdimm: { option: 'pmemFile', disk: 'pmem2' },
  cxl: { option: 'cxlFile', disk: 'cxl' },
};

export class Peer {
  #machine;
  #options;
  #share;
  #running;
  #troubles = [];

  /**
   * `options` are those of a boot, with the `share` and `disks` of the first machine; `shared` names devices. Nothing
   * is booted yet: the first machine is to write the labels of a new NVDIMM before another one looks for them.
   */
  constructor(machine, shared, options) {
    // With one thread for all its CPUs, QEMU makes plain loads and stores of locked instructions: two machines would
    // then lose each other's.
    if (options.threads !== 'multi')
      throw new Error('machines that share memory need threads: multi');
    const { disks } = options;
    const files = shared.map((device) => sharedFiles[device]);
    this.#machine = machine;
    this.#share = join(options.share, 'peer');
    mkdirSync(this.#share, { recursive: true });
    this.#options = {
      ...options,
      ...Object.fromEntries(files.map(({ option, disk }) => [option, join(disks, disk)])),
      cxlSerial: 2,
      disks: join(disks, 'peer'),
      share: this.#share,
    };
  }

  /** What the first machine asks: 'boot', which does not wait for it to be up, or 'kill', which is a power cut. */
  async answer(verb) {
    if (verb === 'boot') this.#boot();
    else if (verb === 'kill') await this.#kill();
    else throw new Error(`a peer cannot ${verb}`);
  }

  /** Ends it if it runs. Resolves to what went wrong: each time that it ended otherwise than by a power cut. */
  async stop() {
    if (this.#running !== undefined) await this.#kill();
    return this.#troubles;
  }

  #boot() {
    if (this.#running !== undefined) throw new Error('the peer is running');
    for (const name of ['deeds', 'ended']) {
      rmSync(join(this.#share, name), { recursive: true, force: true });
    }
    mkdirSync(join(this.#share, 'deeds'));
    const power = new AbortController();
    const ended = boot(this.#machine, { ...this.#options, abort: power.signal })
      .catch((error) => ({ report: String(error) }))
      .then(({ status, report, cut }) => {
        const why = cut ? 'its power was cut' : `status ${status}; ${report}`;
        if (!cut) this.#troubles.push(why);
        this.#running = undefined;
        writeFileSync(join(this.#share, 'ended'), why);
      });
    this.#running = { power, ended };
  }

  async #kill() {
    if (this.#running === undefined) throw new Error('the peer is not running');
    const { power, ended } = this.#running;
    power.abort();
    await ended;
  }
}
