/**
 * The chunks of regions that are watched: all, or as many as is affordable, in turn. A part is watched for several
 * looks, because the first look at a chunk finds nothing: it only clears what came before.
 */

import type { LargeObject } from './large-object.ts';
import type { ObjectSpace } from './object-space.ts';

/** Looks at a part: one to begin with, one or more that find something. */
const looksAtAll = 2;
const looksAtPart = 3;

/** Chunks and whose they are, a column each. */
interface Watched {
  readonly chunks: readonly number[];
  readonly objects: readonly LargeObject[];
}

const nothing: Watched = { chunks: [], objects: [] };

/** What is watched now, and what comes next. */
export class WatchList {
  readonly #space: ObjectSpace;
  #watched: Watched = nothing;
  #regions: ReadonlySet<LargeObject> = new Set();
  #version = 0;
  #wanted = 0;
  #hand = 0;
  #looksLeft = 0;
  /** Chunks of a region that were looked at, until all were. */
  readonly #lookedAt: Map<LargeObject, number> = new Map();

  constructor(space: ObjectSpace) {
    this.#space = space;
  }

  /** Chunks watched now. */
  get chunks(): readonly number[] {
    return this.#watched.chunks;
  }

  /** Grows whenever the chunks change. */
  get version(): number {
    return this.#version;
  }

  /** Chunks there were to watch when the list was last made. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Whose a watched chunk is; undefined for one that was freed meanwhile. */
  regionOf(chunk: number): LargeObject | undefined {
    const object = this.#space.largeOfChunk.get(chunk);
    return object !== undefined && this.#regions.has(object) ? object : undefined;
  }

  /** Before a look: drops what is gone, and goes on to the next part, of at most `most` chunks, when it is time. */
  advance(most: number): void {
    this.#dropFreed();
    if (this.#looksLeft > 0 && this.chunks.length > 0) return;
    const all = this.#all();
    const count = all.chunks.length;
    this.#wanted = count;
    if (count <= most) {
      this.#looksLeft = looksAtAll;
      this.#hand = 0;
      this.#replace(all);
      return;
    }
    this.#looksLeft = looksAtPart;
    const from = this.#hand % count;
    const to = from + most;
    this.#hand = to % count;
    const part = <T>(column: readonly T[]): T[] =>
      column.slice(from, to).concat(column.slice(0, Math.max(0, to - count)));
    this.#replace({ chunks: part(all.chunks), objects: part(all.objects) });
  }

  /**
   * After a look. A region is tracked from when all of its chunks were looked at: before, those that were not would
   * look cold. `seesReads`: whether what is only read is found.
   */
  looked(seesReads: boolean): void {
    this.#looksLeft--;
    if (this.#looksLeft > 0 || !seesReads) return;
    for (const object of this.#watched.objects) {
      if (object.tracked) continue;
      const looks = (this.#lookedAt.get(object) ?? 0) + 1;
      this.#lookedAt.set(object, looks);
      if (looks >= object.chunks) object.tracked = true;
    }
    for (const object of this.#lookedAt.keys()) {
      if (object.tracked || !this.#isAlive(object)) this.#lookedAt.delete(object);
    }
  }

  #isAlive(object: LargeObject): boolean {
    return this.#space.large[object.number] === object;
  }

  #dropFreed(): void {
    const { chunks, objects } = this.#watched;
    if (objects.every((object) => this.#isAlive(object))) return;
    this.#replace({
      chunks: chunks.filter((_, i) => this.#isAlive(objects[i])),
      objects: objects.filter((object) => this.#isAlive(object)),
    });
  }

  /** Regions: of other large values every access is reported. */
  #all(): Watched {
    const chunks: number[] = [];
    const objects: LargeObject[] = [];
    for (const object of this.#space.large) {
      if (object?.exposed !== true) continue;
      for (let i = 0; i < object.chunks; i++) {
        chunks.push(object.firstChunk + i);
        objects.push(object);
      }
    }
    return { chunks, objects };
  }

  #replace(next: Watched): void {
    const { objects, chunks } = this.#watched;
    const same =
      next.chunks.length === chunks.length &&
      next.chunks.every((chunk, i) => chunk === chunks[i] && next.objects[i] === objects[i]);
    if (same) return;
    this.#watched = next;
    this.#regions = new Set(next.objects);
    this.#version++;
  }
}
