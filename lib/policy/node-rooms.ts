/** Room on the nodes of every tier, as it will be after the moves planned so far. */

import type { NodeStates } from './policy.ts';

interface Room {
  readonly node: number;
  readonly capacityBytes: number;
  usedBytes: number;
}

/** The books of one plan. */
export class NodeRooms {
  readonly #rooms: readonly (readonly Room[])[];

  constructor({ rooms }: NodeStates) {
    this.#rooms = rooms.map((tier) => tier.map((room) => ({ ...room })));
  }

  /** Nodes of a tier, as indices into the snapshot's. */
  of(tier: number): readonly { readonly node: number }[] {
    return this.#rooms[tier];
  }

  fits(tier: number, node: number, bytes: number): boolean {
    const room = this.#find(tier, node);
    return room !== undefined && room.usedBytes + bytes <= room.capacityBytes;
  }

  /** `bytes` come, or go when negative. A node the tier is not on has no books. */
  add(tier: number, node: number, bytes: number): void {
    const room = this.#find(tier, node);
    if (room !== undefined) room.usedBytes += bytes;
  }

  #find(tier: number, node: number): Room | undefined {
    return this.#rooms[tier].find((room) => room.node === node);
  }
}
