/**
 * What leases keep in place. A held object is not moved; deleting or rewriting it leaves the bytes that the
 * leases see untouched, and they are freed when the last lease ends.
 */

import type { LargeObject } from './large-object.ts';

/** The bytes one or more leases see. */
export interface Hold {
  readonly id: number;
  readonly chunk: number;
  readonly byteOffset: number;
  readonly large: LargeObject | undefined;
  leases: number;
  /** The object has gone elsewhere; the slot belongs to the leases alone. */
  orphaned: boolean;
}

/** All holds of a store. Calls `release` when the last lease of an orphaned hold ends. */
export class Holds {
  readonly #byId: Map<number, Hold> = new Map();
  readonly #release: (hold: Hold) => void;
  readonly #unhold: (id: number) => void;
  #open = 0;

  constructor(hooks: { release: (hold: Hold) => void; unhold: (id: number) => void }) {
    this.#release = hooks.release;
    this.#unhold = hooks.unhold;
  }

  /** Leases open now. */
  get open(): number {
    return this.#open;
  }

  /** Opens a lease on an object that lies here. */
  acquire(id: number, chunk: number, byteOffset: number, large?: LargeObject): Hold {
    let hold = this.#byId.get(id);
    if (hold === undefined) {
      hold = { id, chunk, byteOffset, large, leases: 0, orphaned: false };
      this.#byId.set(id, hold);
    }
    hold.leases++;
    this.#open++;
    return hold;
  }

  /** Ends a lease. */
  end(hold: Hold): void {
    hold.leases--;
    this.#open--;
    if (hold.leases > 0) return;
    if (hold.orphaned) this.#release(hold);
    else {
      this.#byId.delete(hold.id);
      this.#unhold(hold.id);
    }
  }

  /** The object leaves its bytes to the leases. */
  orphan(id: number): void {
    const hold = this.#byId.get(id) as Hold;
    hold.orphaned = true;
    this.#byId.delete(id);
  }
}
