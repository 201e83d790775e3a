/** A scoped zero-copy view: while it is open, what it shows neither moves nor changes owner. */

import { TierError } from '../errors.ts';
import type { Hold } from './holds.ts';
import type { ObjectStore } from './object-store.ts';

/** Leases that were dropped without being disposed still end, some time after they became garbage. */
const forgotten: FinalizationRegistry<{ store: ObjectStore; hold: Hold; writes: boolean }> =
  new FinalizationRegistry(({ store, hold, writes }) => {
    if (!store.closed) store.holds.end(hold, writes);
  });

/** A view kept without its lease keeps the lease open. */
const leaseOfView: WeakMap<object, object> = new WeakMap();

/** What a lease is for. */
export interface LeaseOptions {
  /**
   * The bytes will be written through the view. Of verified data the checksum is taken anew when the last writing
   * lease ends; until then reads of it are not checked. Writing through any other lease makes verified data corrupt.
   *
   * @default false
   */
  readonly write?: boolean;
}

/** Use it with `using`, or call `dispose`. */
export class Lease<V extends object = object> {
  readonly #store: ObjectStore;
  #hold: Hold | undefined;
  readonly #view: V;
  readonly #writes: boolean;

  /** Made by `Handle.lease`; not for users. */
  constructor(store: ObjectStore, hold: Hold, view: V, writes: boolean) {
    this.#store = store;
    this.#hold = hold;
    this.#view = view;
    this.#writes = writes;
    forgotten.register(this, { store, hold, writes }, this);
    leaseOfView.set(view, this);
  }

  /**
   * The bytes. Throws `ERR_TIER_CLOSED` after `dispose`, `ERR_TIER_LOST` when the device lost some of them: a view
   * kept since before reads zeros there. A view kept beyond `dispose` is not protected.
   */
  get view(): V {
    if (this.#hold === undefined || this.#store.closed) {
      throw new TierError('ERR_TIER_CLOSED', 'The lease has ended.');
    }
    this.#store.integrity.requireHeld(this.#hold);
    return this.#view;
  }

  /** Ends the lease. Idempotent. */
  dispose(): void {
    if (this.#hold === undefined) return;
    forgotten.unregister(this);
    if (!this.#store.closed) this.#store.holds.end(this.#hold, this.#writes);
    this.#hold = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
