/** A scoped zero-copy view: while it is open, what it shows neither moves nor changes owner. */

import { TierError } from '../errors.ts';
import type { Hold } from './holds.ts';
import type { ObjectStore } from './object-store.ts';

/** Leases that were dropped without being disposed still end, some time after they became garbage. */
const forgotten: FinalizationRegistry<{ store: ObjectStore; hold: Hold }> =
  new FinalizationRegistry(({ store, hold }) => {
    if (!store.closed) store.holds.end(hold);
  });

/** A view kept without its lease keeps the lease open. */
const leaseOfView: WeakMap<object, object> = new WeakMap();

/** Use it with `using`, or call `dispose`. */
export class Lease<V extends object = object> {
  readonly #store: ObjectStore;
  #hold: Hold | undefined;
  readonly #view: V;

  /** Made by `Handle.lease`; not for users. */
  constructor(store: ObjectStore, hold: Hold, view: V) {
    this.#store = store;
    this.#hold = hold;
    this.#view = view;
    forgotten.register(this, { store, hold }, this);
    leaseOfView.set(view, this);
  }

  /** The bytes. Throws `ERR_TIER_CLOSED` after `dispose`; a view kept beyond it is not protected. */
  get view(): V {
    if (this.#hold === undefined || this.#store.closed) {
      throw new TierError('ERR_TIER_CLOSED', 'The lease has ended.');
    }
    return this.#view;
  }

  /** Ends the lease. Idempotent. */
  dispose(): void {
    if (this.#hold === undefined) return;
    forgotten.unregister(this);
    if (!this.#store.closed) this.#store.holds.end(this.#hold);
    this.#hold = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
