/**
 * Fills the columns a policy sees: the units touched since the last plan, then a share of the others that
 * rotates through every tier, so that in time each unit is considered though no plan looks at all of them.
 */

import { chunkBytes } from '../native.ts';
import type { UnitColumns } from '../policy/policy.ts';
import type { UnitPatterns } from '../tracking/unit-patterns.ts';
import type { DamageBook } from './damage-book.ts';
import type { HeatLedger } from './heat-ledger.ts';
import { chunkUnitBase, type LargeObject } from './large-object.ts';
import { gapBefore, idleAccesses } from './last-use.ts';
import type { ObjectSpace } from './object-space.ts';
import {
  leasedFlag,
  liveFlag,
  markFlag,
  pinnedFlag,
  recordWords,
  segmentMask,
  segmentShift,
  watchedFlag,
  whereWord,
} from './object-table.ts';
import { isObject } from './slab.ts';
import type { SlabAllocator } from './slab-allocator.ts';

type Columns = {
  -readonly [K in keyof Omit<UnitColumns, 'dwellUntil'>]: Omit<UnitColumns, 'dwellUntil'>[K];
} & { readonly passing: Uint8Array };

/** Where the rotation stands in one backend's slabs. */
interface Hand {
  slab: number;
  slot: number;
}

/** Objects that a policy must leave alone. */
const immovable = pinnedFlag | leasedFlag;

function makeColumns(capacity: number): Columns {
  return {
    length: 0,
    id: new Float64Array(capacity),
    bytes: new Float64Array(capacity),
    tier: new Uint8Array(capacity),
    heatLog2: new Float32Array(capacity),
    reads: new Uint32Array(capacity),
    writes: new Uint32Array(capacity),
    idle: new Float64Array(capacity),
    gap: new Uint8Array(capacity),
    passing: new Uint8Array(capacity),
    node: undefined,
    uses: undefined,
  };
}

/** The scanner. Its columns are reused: what it returns is valid until the next scan. */
export class UnitScanner {
  readonly #space: ObjectSpace;
  readonly #ledger: HeatLedger;
  readonly #book: DamageBook;
  readonly #patterns: UnitPatterns;
  readonly #hands: Hand[];
  #columns: Columns = makeColumns(1024);
  #largeHand = 0;

  /** Damaged units are left out: they do not move. `patterns` has seen the ledger's last fold. */
  constructor(space: ObjectSpace, ledger: HeatLedger, book: DamageBook, patterns: UnitPatterns) {
    this.#space = space;
    this.#ledger = ledger;
    this.#book = book;
    this.#patterns = patterns;
    this.#hands = space.allocators.map(() => ({ slab: 0, slot: 0 }));
  }

  /** At most `maxUnits` units; the touched ones of the ledger's last fold first. */
  scan(maxUnits: number): Columns {
    this.#columns.length = 0;
    this.#takeTouched(maxUnits);
    this.#takeLarge(maxUnits);
    this.#takeRotating(maxUnits);
    this.#clearMarks();
    return this.#columns;
  }

  #takeTouched(maxUnits: number): void {
    const { unit, reads, writes, idle, gap, length } = this.#ledger.touched;
    for (let i = 0; i < length && this.#columns.length < maxUnits; i++) {
      const row = this.#columns.length;
      if (unit[i] >= chunkUnitBase) this.#takeChunk(unit[i] - chunkUnitBase);
      else if (this.#space.isSmall(unit[i])) {
        this.#takeSmall(unit[i], this.#space.slotBytes(unit[i]), this.#space.tierOf(unit[i]));
      }
      if (this.#columns.length === row) continue;
      this.#columns.reads[row] = reads[i];
      this.#columns.writes[row] = writes[i];
      this.#columns.idle[row] = idle[i];
      this.#columns.gap[row] = gap[i];
      this.#columns.passing[row] = this.#patterns.passingAt(i) ? 1 : 0;
    }
  }

  /** Chunks of large objects are few; at most a quarter of the plan goes to untouched ones. */
  #takeLarge(maxUnits: number): void {
    const { large } = this.#space;
    let left = Math.min(maxUnits - this.#columns.length, Math.max(1024, maxUnits / 4));
    for (let seen = 0; seen < large.length && left > 0; seen++) {
      const object = large[(this.#largeHand + seen) % large.length];
      if (object === undefined) continue;
      for (let i = 0; i < object.chunks && left > 0; i++) {
        left -= Number(this.#takeChunk(object.firstChunk + i));
      }
      if (left <= 0) this.#largeHand = (this.#largeHand + seen) % large.length;
    }
  }

  /**
   * Each tier gets an equal share of what is left, fastest first, and what it does not need goes to the next:
   * victims in a small fast tier have to be found among millions of cold units below it.
   */
  #takeRotating(maxUnits: number): void {
    const { set, allocators } = this.#space;
    set.ofTier.forEach((backends, tier) => {
      const tiersLeft = set.ofTier.length - tier;
      const tierEnd = this.#columns.length + (maxUnits - this.#columns.length) / tiersLeft;
      backends.forEach(({ index }, position) => {
        const left = tierEnd - this.#columns.length;
        const wanted = Math.ceil(left / (backends.length - position));
        if (wanted > 0) this.#rotate(allocators[index], this.#hands[index], tier, wanted);
      });
    });
  }

  #rotate(allocator: SlabAllocator, hand: Hand, tier: number, wanted: number): void {
    const { slabs } = allocator;
    // One full turn ends where it began, however the slab list changed since the last one.
    for (let visited = 0; visited <= slabs.length && wanted > 0; visited++) {
      if (hand.slab >= slabs.length) hand.slab = hand.slot = 0;
      const slab = slabs[hand.slab];
      if (slab === undefined) return;
      for (; hand.slot < slab.shape.slots && wanted > 0; hand.slot++) {
        const id = slab.owners[hand.slot];
        if (!isObject(id)) continue;
        wanted--;
        this.#takeSmall(id, slab.shape.slotBytes, tier);
      }
      if (hand.slot < slab.shape.slots) return;
      hand.slab++;
      hand.slot = 0;
    }
  }

  #takeSmall(id: number, bytes: number, tier: number): void {
    const words = this.#space.table.words[id >>> segmentShift];
    const at = (id & segmentMask) * recordWords + whereWord;
    if ((words[at] & (liveFlag | markFlag | immovable)) !== liveFlag) return;
    if ((words[at] & watchedFlag) !== 0 && this.#book.has(id)) return;
    words[at] |= markFlag;
    const heat = this.#ledger.stored(id) - this.#ledger.clock.now;
    this.#take(id, bytes, tier, heat, this.#ledger.lastUse(id));
  }

  #takeChunk(chunk: number): boolean {
    const object = this.#space.largeOfChunk.get(chunk);
    if (object === undefined || !this.#isMovable(object)) return false;
    if (this.#space.set.damage.has(chunk) || this.#book.has(object.id)) return false;
    const index = chunk - object.firstChunk;
    if (object.marks[index] !== 0) return false;
    object.marks[index] = 1;
    const heat = object.heat[index] - this.#ledger.clock.now;
    this.#take(
      chunkUnitBase + chunk,
      chunkBytes,
      this.#space.set.tierOf(chunk),
      heat,
      object.lastUse[index],
    );
    return true;
  }

  #isMovable(object: LargeObject): boolean {
    const words = this.#space.table.words[object.id >>> segmentShift];
    const where = words[(object.id & segmentMask) * recordWords + whereWord];
    return object.tracked && (where & immovable) === 0;
  }

  #take(unit: number, bytes: number, tier: number, heatLog2: number, lastUse: number): void {
    if (this.#columns.length === this.#columns.id.length) this.#grow();
    const columns = this.#columns;
    const row = columns.length++;
    columns.id[row] = unit;
    columns.bytes[row] = bytes;
    columns.tier[row] = tier;
    columns.heatLog2[row] = heatLog2;
    columns.reads[row] = 0;
    columns.writes[row] = 0;
    columns.idle[row] = idleAccesses(lastUse, this.#ledger.clock.accesses);
    columns.gap[row] = gapBefore(lastUse);
    columns.passing[row] = 0;
  }

  #grow(): void {
    const old = this.#columns;
    const next = makeColumns(old.id.length * 2);
    next.length = old.length;
    next.id.set(old.id);
    next.bytes.set(old.bytes);
    next.tier.set(old.tier);
    next.heatLog2.set(old.heatLog2);
    next.reads.set(old.reads);
    next.writes.set(old.writes);
    next.idle.set(old.idle);
    next.gap.set(old.gap);
    next.passing.set(old.passing);
    this.#columns = next;
  }

  #clearMarks(): void {
    const { id, length } = this.#columns;
    for (let row = 0; row < length; row++) {
      if (id[row] >= chunkUnitBase) {
        this.#space.largeOfChunk.get(id[row] - chunkUnitBase)?.marks.fill(0);
        continue;
      }
      this.#space.table.words[id[row] >>> segmentShift][
        (id[row] & segmentMask) * recordWords + whereWord
      ] &= ~markFlag;
    }
  }
}
