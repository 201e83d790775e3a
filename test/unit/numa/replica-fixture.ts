/** A replicated region without threads or nodes: memory, readers on made-up nodes, and an owner that gives copies. */

import { copyNeed } from '../../../lib/numa/replica-benefit.ts';
import { ReplicaReader } from '../../../lib/numa/replica-reader.ts';
import { copyState, ReplicaTable } from '../../../lib/numa/replica-table.ts';

export const block: number = 64 * 1024;

export class ReplicaFixture {
  readonly table: ReplicaTable;
  readonly region: ArrayBuffer;
  readonly copies: Map<string, ArrayBuffer> = new Map();
  /** What was asked of the owner. */
  readonly asked: number[] = [];
  /** Attached now, by token. */
  readonly attached: string[] = [];
  readonly dead: Set<number> = new Set();
  #threads = 0;
  #generation = 0;

  constructor(byteLength: number, nodes: readonly number[] = [0, 1]) {
    this.table = ReplicaTable.create(byteLength, nodes, 'none');
    this.region = new ArrayBuffer(byteLength);
    const need = copyNeed(this.table.blocks);
    // The region is on node 0.
    this.table.parts.nodes.forEach((node, index) => {
      this.table.setNeed(index, need);
      for (let chunk = 0; chunk < this.table.chunks; chunk++) {
        this.table.setNear(index, chunk, node === 0);
      }
    });
  }

  /** A thread on a node. */
  reader(node: number | (() => number)): ReplicaReader {
    const id = ++this.#threads;
    return new ReplicaReader(new ReplicaTable(this.table.parts), this.region, {
      threads: {
        current: { id, startedAt: id * 100 },
        isAlive: (thread) => thread.startedAt === thread.id * 100 && !this.dead.has(thread.id),
      },
      currentNode: typeof node === 'number' ? () => node : node,
      attach: (token) => {
        this.attached.push(token);
        return {
          buffer: this.copies.get(token) as ArrayBuffer,
          release: () => this.attached.splice(this.attached.indexOf(token), 1),
        };
      },
      ask: (what) => this.asked.push(what),
    });
  }

  /** Gives a node memory for a copy, full of what must never be read. */
  give(node: number): Uint8Array {
    const token = `copy-${++this.#generation}`;
    const copy = new ArrayBuffer(this.region.byteLength);
    this.copies.set(token, copy);
    this.table.setGeneration(node, 0);
    this.table.clearHeld(node);
    this.table.setText(node, token);
    this.table.setState(node, copyState.held);
    this.table.setGeneration(node, this.#generation);
    return new Uint8Array(copy).fill(0xee);
  }

  /** Takes a node's copy away. */
  take(node: number): void {
    this.table.setGeneration(node, 0);
    this.table.setState(node, copyState.none);
    this.table.clearCredit(node);
  }
}

/** Bytes read. */
export function read(reader: ReplicaReader, from: number, byteLength: number): Uint8Array {
  const into = new Uint8Array(byteLength);
  reader.read(from, into);
  return into;
}

/** Reads until the block is copied; throws when it is not within 1000 reads of 64 KiB. */
export function readUntilCopied(reader: ReplicaReader, from: number): void {
  const { copies } = reader.table.counts();
  for (let i = 0; i < 1000; i++) {
    read(reader, from, block);
    if (reader.table.counts().copies > copies) return;
  }
  throw new Error('nothing was copied');
}
