/** Writes decisions to a file as they are made. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Decision } from '../migration/decision.ts';
import { fileError } from '../system-error.ts';
import { decisionLine, headerLine, type PolicyParameters } from './decision-format.ts';

/** Characters collected before they are written; lines of a small store are a few hundred. */
const blockLength = 1 << 20;

/**
 * A log in the making. Give `onDecision` to `TieredMemory.open` or to an engine, and close the log after the memory:
 *
 * ```ts
 * using log = new DecisionLog('decisions.jsonl.gz');
 * await using memory = await TieredMemory.open({ onDecision: log.onDecision });
 * ```
 *
 * Writing is synchronous, on the thread that plans: some 60 bytes a unit considered, and a sixth of that
 * with a path that ends in `.gz`.
 */
export class DecisionLog implements Disposable {
  readonly #path: string;
  readonly #gzip: boolean;
  #file: number | undefined;
  #pending: string[] = [];
  #pendingLength = 0;
  #decisions = 0;
  #error: unknown;

  /**
   * Creates the file, or empties one of that name. `policies`: parameters of policies that do not have their defaults.
   *
   * @throws TierError `ERR_TIER_NO_PERMISSION`, `ERR_TIER_UNAVAILABLE`, `ERR_TIER_FULL` or `ERR_TIER_IO`
   */
  constructor(path: string, policies: PolicyParameters = {}) {
    this.#path = path;
    this.#gzip = path.endsWith('.gz');
    try {
      this.#file = openSync(path, 'w');
    } catch (error) {
      throw this.#named(error);
    }
    this.#append(headerLine(policies));
  }

  /** Decisions taken so far. */
  get decisions(): number {
    return this.#decisions;
  }

  /** Takes a decision. Throws what {@link close} will throw once the file cannot be written, or the decision cannot. */
  readonly onDecision = (decision: Decision): void => {
    if (this.#error !== undefined) throw this.#error;
    if (this.#file === undefined) return;
    try {
      this.#append(decisionLine(decision));
      this.#decisions++;
      if (this.#pendingLength >= blockLength) this.#flush();
    } catch (error) {
      this.#error = this.#named(error);
      throw this.#error;
    }
  };

  /**
   * Writes what is left and closes the file. Idempotent.
   *
   * @throws the first error there was, so that a log with a gap does not pass for a whole one
   */
  close(): void {
    if (this.#file === undefined) return;
    try {
      if (this.#error === undefined) this.#flush();
    } catch (error) {
      this.#error = this.#named(error);
    }
    closeSync(this.#file);
    this.#file = undefined;
    if (this.#error !== undefined) throw this.#error;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #append(line: string): void {
    this.#pending.push(line, '\n');
    this.#pendingLength += line.length;
  }

  #flush(): void {
    const text = Buffer.from(this.#pending.join(''));
    this.#pending = [];
    this.#pendingLength = 0;
    // Members of gzip one after the other are a gzip file.
    const bytes = this.#gzip ? gzipSync(text) : text;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file as number, bytes, at);
  }

  #named(error: unknown): unknown {
    return fileError(error, `The log of decisions ${this.#path} cannot be written`);
  }
}
