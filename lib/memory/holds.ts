/**
 * What leases keep in place. A held object is not moved; deleting or rewriting it leaves the bytes that the
 * leases see untouched, and they are freed when the last lease ends.
 */

import type { LargeObject } from './large-object.ts';

/** Where leased bytes are. */
export interface HeldPlace {
  readonly chunk: number;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly large: LargeObject | undefined;
}

/** The bytes one or more leases see. */
export interface Hold extends HeldPlace {
  readonly id: number;
  leases: number;
  /** Those of them that write. */
  writers: number;
  /** The object has gone elsewhere; the slot belongs to the leases alone. */
  orphaned: boolean;
}

/** All holds of a store. Calls `release` when the last lease of an orphaned hold ends. */
export class Holds {
  readonly #byId: Map<number, Hold> = new Map();
  readonly #release: (hold: Hold) => void;
  readonly #unhold: (id: number) => void;
  readonly #written: (id: number) => void;
  readonly #pin: (large: LargeObject, pinned: boolean) => void;
  #open = 0;

  /**
   * `written` is told when the last writing lease of an object ends that still has these bytes; `pin` when whole
   * chunks have to stay where they are, or no longer.
   */
  constructor(hooks: {
    release: (hold: Hold) => void;
    unhold: (id: number) => void;
    written: (id: number) => void;
    pin: (large: LargeObject, pinned: boolean) => void;
  }) {
    this.#release = hooks.release;
    this.#unhold = hooks.unhold;
    this.#written = hooks.written;
    this.#pin = hooks.pin;
  }

  /** Leases open now. */
  get open(): number {
    return this.#open;
  }

  /** Whether a writing lease of an object is open. */
  isBeingWritten(id: number): boolean {
    return (this.#byId.get(id)?.writers ?? 0) > 0;
  }

  /** Opens a lease on an object, whose place is asked for if it is the first. */
  acquire(id: number, writes: boolean, place: () => HeldPlace): Hold {
    let hold = this.#byId.get(id);
    if (hold === undefined) {
      hold = { id, ...place(), leases: 0, writers: 0, orphaned: false };
      if (hold.large !== undefined) this.#pin(hold.large, true);
      this.#byId.set(id, hold);
    }
    hold.leases++;
    if (writes) hold.writers++;
    this.#open++;
    return hold;
  }

  /** Ends a lease; `writes` as it was opened with. */
  end(hold: Hold, writes = false): void {
    if (writes && --hold.writers === 0 && !hold.orphaned) this.#written(hold.id);
    hold.leases--;
    this.#open--;
    if (hold.leases > 0) return;
    if (hold.large !== undefined) this.#pin(hold.large, false);
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
