/** A cache of one tier, access by access: what plain eviction policies have in common. */

/** Units that are there, and what is remembered of those that are not. */
export interface UnitCache {
  /** Uses a unit, and brings it in if the policy wants it; whether it was there. */
  use(unit: number): boolean;
}

/** What a cache has room for. Sizes and capacity are in bytes, or all sizes are 1. */
export interface CacheRoom {
  readonly capacity: number;
  /** By unit. */
  readonly sizes: Float64Array;
}
