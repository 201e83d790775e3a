/**
 * The units known to be damaged, from when it is found until they are rewritten, acknowledged or deleted. Few, so
 * they are kept in Maps; the record of a damaged object carries a flag that sends its readers here.
 */

import { TierError } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import type { TierName } from '../tiers/tier.ts';
import { outside, totalBytes } from './byte-ranges.ts';
import type { LostRange } from './damaged-ranges.ts';
import type { DamagedRange } from './heap-binding.ts';
import type { Key } from './key-arena.ts';
import type { LargeObject } from './large-object.ts';
import type { ObjectSpace } from './object-space.ts';
import { watchedFlag } from './object-table.ts';

/**
 * What happened: `poison`, the hardware reported a memory error; `lost`, a file was truncated or a device went away;
 * `corrupt`, the bytes are not those that were written, by their checksum.
 */
export type DamageCause = DamagedRange['cause'] | 'corrupt';

/** One damaged value or region. */
export interface DamagedUnit {
  /** Undefined without one. */
  readonly key: Key | undefined;
  readonly kind: 'value' | 'region';
  readonly tier: TierName;
  readonly cause: DamageCause;
  /** Bytes lost: all of a value, the lost parts of a region. */
  readonly byteLength: number;
}

/** Damage now, summed up. */
export interface DamageTotals {
  readonly lostUnits: number;
  readonly lostBytes: number;
  readonly corruptUnits: number;
  readonly corruptBytes: number;
}

interface Entry {
  readonly cause: DamageCause;
  /** The object has a checksum, and keeps having one when it is rewritten. */
  readonly verified: boolean;
}

const what: Readonly<Record<DamageCause, string>> = {
  poison: 'was lost: the hardware reported poisoned memory',
  lost: 'was lost: its file was truncated, its disk is full or its device is gone',
  corrupt: 'is not what was written: its checksum does not match',
};

const hint = 'Write the data again in full, or delete it. Everything else can still be read.';

/** The error of reading damaged bytes. `subject` is the beginning of a sentence. */
export function damageError(subject: string, cause: DamageCause, tier: string): TierError {
  const code = cause === 'corrupt' ? 'ERR_TIER_CORRUPT' : 'ERR_TIER_LOST';
  return new TierError(code, `${subject} on ${tier} ${what[cause]}.`, { hint, tier });
}

/** Parts of a region that are lost and that its user has not acknowledged. */
export function lostParts(space: ObjectSpace, region: LargeObject): LostRange[] {
  return space.set.damage
    .within(region.firstChunk, 0, region.byteLength)
    .flatMap((range) =>
      outside(range, region.acknowledged).map((part) => ({ ...part, cause: range.cause })),
    );
}

/** The book of one store. */
export class DamageBook {
  readonly #space: ObjectSpace;
  readonly #keyOf: (id: number) => Key | undefined;
  readonly #objects: Map<number, Entry> = new Map();
  /** Regions with lost bytes, and how many were last reported. */
  readonly #regions: Map<LargeObject, number> = new Map();
  /** Told of everything that enters the book, soon after. */
  listener: ((damage: DamagedUnit) => void) | undefined;
  /** What the listener threw, counted. */
  listenerErrors = 0;

  constructor(space: ObjectSpace, keyOf: (id: number) => Key | undefined) {
    this.#space = space;
    this.#keyOf = keyOf;
  }

  /** Whether an object is damaged. */
  has(id: number): boolean {
    return this.#objects.size > 0 && this.#objects.has(id);
  }

  /** Whether a damaged object has a checksum; undefined when it is not damaged. */
  verified(id: number): boolean | undefined {
    return this.#objects.get(id)?.verified;
  }

  /** An object is damaged; the first cause stays. */
  add(id: number, cause: DamageCause): void {
    const { table } = this.#space;
    if (this.#objects.has(id)) return;
    const entry: Entry = { cause, verified: table.flag(id, watchedFlag) };
    this.#objects.set(id, entry);
    table.setFlag(id, watchedFlag, true);
    this.#tell(this.#describe(id, entry), () => this.#objects.get(id) === entry);
  }

  /** A region lost bytes, or its user acknowledged some. */
  regionChanged(region: LargeObject): void {
    const bytes = totalBytes(lostParts(this.#space, region));
    const before = this.#regions.get(region) ?? 0;
    if (bytes === 0) this.#regions.delete(region);
    else this.#regions.set(region, bytes);
    const [unit] = this.#describeRegion(region);
    if (bytes > before && unit !== undefined) this.#tell(unit, () => this.#regions.has(region));
  }

  /** The object was rewritten or deleted; its flag is the caller's business. */
  forget(id: number): void {
    if (this.#objects.size > 0) this.#objects.delete(id);
    if (this.#regions.size === 0) return;
    const large = this.#space.largeOf(id);
    if (large !== undefined) this.#regions.delete(large);
  }

  /** What reading a damaged object throws. REQUIRES: has(id). */
  error(id: number): TierError {
    const { cause } = this.#objects.get(id) as Entry;
    const key = this.#keyOf(id);
    const name = key === undefined ? 'The data' : `The data under ${JSON.stringify(key)}`;
    const { set } = this.#space;
    const bytes = this.#space.byteLength(id);
    return damageError(`${name} (${bytes} bytes)`, cause, set.tiers[this.#space.tierOf(id)].name);
  }

  /** A damaged object; undefined of any other. */
  unit(id: number): DamagedUnit | undefined {
    const entry = this.#objects.get(id);
    return entry === undefined ? undefined : this.#describe(id, entry);
  }

  /** Everything damaged now. */
  list(): DamagedUnit[] {
    return [
      ...[...this.#objects].map(([id, entry]) => this.#describe(id, entry)),
      ...[...this.#regions.keys()].flatMap((region) => this.#describeRegion(region)),
    ];
  }

  totals(): DamageTotals {
    const totals = { lostUnits: 0, lostBytes: 0, corruptUnits: 0, corruptBytes: 0 };
    for (const { cause, byteLength } of this.list()) {
      const corrupt = cause === 'corrupt';
      totals[corrupt ? 'corruptUnits' : 'lostUnits']++;
      totals[corrupt ? 'corruptBytes' : 'lostBytes'] += byteLength;
    }
    return totals;
  }

  #describe(id: number, { cause }: Entry): DamagedUnit {
    const space = this.#space;
    return {
      key: this.#keyOf(id),
      kind: 'value',
      tier: space.set.tiers[space.tierOf(id)].name,
      cause,
      byteLength: space.byteLength(id),
    };
  }

  /** One unit, with the place and cause of its first loss; none when all of it was acknowledged. */
  #describeRegion(region: LargeObject): DamagedUnit[] {
    const { set } = this.#space;
    const parts = lostParts(this.#space, region);
    return parts.slice(0, 1).map(({ from, cause }) => ({
      key: undefined,
      kind: 'region',
      tier: set.tiers[set.tierOf(region.firstChunk + Math.floor(from / chunkBytes))].name,
      cause,
      byteLength: totalBytes(parts),
    }));
  }

  /** Not at once: damage is found in the middle of things, and the listener may do anything. */
  #tell(unit: DamagedUnit, still: () => boolean): void {
    if (this.listener === undefined) return;
    queueMicrotask(() => {
      try {
        if (still()) this.listener?.(unit);
      } catch {
        this.listenerErrors++;
      }
    });
  }
}
