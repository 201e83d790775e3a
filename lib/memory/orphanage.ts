/**
 * Frees data whose only handle became garbage, and tells V8 how much memory hangs on such handles. A safety
 * net: garbage is collected late, so `dispose` is the way to free memory.
 */

import { nativeBinding } from '../native.ts';
import type { ObjectStore } from './object-store.ts';

/** What a dead handle leaves behind. */
interface Remains {
  readonly id: number;
  readonly generation: number;
  readonly bytes: number;
}

/** V8 is told in steps of this many bytes: a native call for each handle would cost more than the handle. */
const reportStepBytes = 1024 * 1024;

/** Watches the handles of one store that own their data. */
export class Orphanage {
  readonly #store: ObjectStore;
  readonly #registry: FinalizationRegistry<Remains>;
  #bytes = 0;
  #reported = 0;

  constructor(store: ObjectStore) {
    this.#store = store;
    this.#registry = new FinalizationRegistry((remains) => this.#bury(remains));
  }

  /** Watches a handle or region that owns object `id`. */
  adopt(owner: object, id: number): void {
    // The buffer of a large object is known to V8 already.
    const bytes = this.#store.space.largeOf(id) === undefined ? this.#store.space.slotBytes(id) : 0;
    const generation = this.#store.space.table.generation(id);
    this.#registry.register(owner, { id, generation, bytes }, owner);
    this.#add(bytes);
  }

  /** Frees the data of an owner that was disposed. REQUIRES: the object is alive. */
  dispose(id: number, owner: object): void {
    if (this.#store.space.largeOf(id) === undefined) this.#add(-this.#store.space.slotBytes(id));
    this.#registry.unregister(owner);
    this.#store.remove(id);
  }

  /** Takes back what V8 was told. */
  close(): void {
    this.#bytes = 0;
    this.#report();
  }

  #bury({ id, generation, bytes }: Remains): void {
    if (this.#store.closed || !this.#store.space.table.alive(id, generation)) return;
    this.#add(-bytes);
    this.#store.remove(id);
  }

  #add(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes + bytes);
    if (Math.abs(this.#bytes - this.#reported) >= reportStepBytes) this.#report();
  }

  #report(): void {
    const binding = nativeBinding();
    if ('adjustExternalMemory' in binding)
      binding.adjustExternalMemory(this.#bytes - this.#reported);
    this.#reported = this.#bytes;
  }
}
