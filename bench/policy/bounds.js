/** Lower bounds that were computed once: half a minute each for the longer traces. */

import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { lowerBound } from '../../dist/simulation/oracle/lower-bound.js';

/** Bump when the model or the method changes: results kept by an older one are not used. */
const version = 1;

/** Bounds by what they depend on, in a JSON file that may not exist and may not be writable, or in no file. */
export class KeptBounds {
  #file;
  #bounds = {};
  #mayWrite = true;

  constructor(file) {
    this.#file = file;
    if (file === undefined) return;
    try {
      const kept = JSON.parse(readFileSync(file, 'utf8'));
      if (kept.version === version) this.#bounds = kept.bounds;
    } catch (error) {
      if (error.code !== 'ENOENT') throw new Error(`${file} is not usable: ${error.message}`);
    }
  }

  /** Nanoseconds an access; computes and keeps what is not known yet. */
  async get({ identity, log }, config, tiers, costs) {
    const key = `${await identity()} ${config} weight=${log.weight} rows=${log.length}`;
    if (this.#bounds[key] === undefined) {
      this.#bounds[key] = lowerBound(log, tiers, costs).totalNs;
      this.#write();
    }
    return this.#bounds[key];
  }

  #write() {
    if (this.#file === undefined || !this.#mayWrite) return;
    try {
      // The superuser may write anywhere; a directory that nobody else may write to is meant to stay as it is.
      if ((statSync(dirname(this.#file)).mode & 0o222) === 0)
        throw new Error('read-only directory');
      const fresh = `${this.#file}.${process.pid}`;
      writeFileSync(fresh, `${JSON.stringify({ version, bounds: this.#bounds }, null, 1)}\n`);
      renameSync(fresh, this.#file);
    } catch (error) {
      this.#mayWrite = false;
      console.error(`Bounds are not kept (${error.message}); --bounds FILE names another place.`);
    }
  }
}
