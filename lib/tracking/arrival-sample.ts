/**
 * What becomes of units after they arrive, by kind of arrival: a sample of the arrivals is followed until they are used
 * again or have been unused for too long. O(1) a call, no allocation; memory does not depend on the units.
 */

/** One arrival in this many is followed, as a power of two. */
const sampleBits = 3;
const slotBits = 10;
/** Accesses that come this soon after the arrival are still its first use. */
const burstAccesses = 64;
/** Observations of a kind before anything is said of it, and after which older ones fade. */
const minObserved = 64;
const memory = 256;

/** Learns from arrivals; units and kinds are non-negative integers. */
export class ArrivalSample {
  readonly #unit: Float64Array = new Float64Array(1 << slotBits).fill(-1);
  readonly #arrivedAt: Float64Array = new Float64Array(1 << slotBits);
  readonly #kind: Uint16Array = new Uint16Array(1 << slotBits);
  readonly #observed: Float32Array;
  readonly #reused: Float32Array;
  #clock = 0;
  #hand = 0;

  /** `kinds` are counted apart, at most 65,536. */
  constructor(kinds: number) {
    this.#observed = new Float32Array(kinds);
    this.#reused = new Float32Array(kinds);
  }

  /**
   * A unit arrives. Within `horizonAccesses` it is used again or it was passing: as long as a unit would stay in the
   * fast tier unused.
   */
  arrived(unit: number, kind: number, horizonAccesses: number): void {
    this.#clock++;
    this.#settle(horizonAccesses);
    const slot = slotOf(unit);
    if (slot < 0) return;
    // It went and another took its number, or it came back after all this time: it was not used meanwhile.
    if (this.#unit[slot] === unit) this.#learn(slot, 0);
    if (this.#unit[slot] >= 0) return;
    this.#unit[slot] = unit;
    this.#arrivedAt[slot] = this.#clock;
    this.#kind[slot] = kind;
  }

  /** A unit that arrived earlier is accessed. `surely`: however soon, it is not its first use. */
  accessed(unit: number, surely = false): void {
    this.#clock++;
    const slot = slotOf(unit);
    if (slot < 0 || this.#unit[slot] !== unit) return;
    if (!surely && this.#clock - this.#arrivedAt[slot] <= burstAccesses) return;
    this.#learn(slot, 1);
  }

  /** Whether enough arrivals of a kind were observed to say something. */
  knows(kind: number): boolean {
    return this.#observed[kind] >= minObserved;
  }

  /** Share of the arrivals of a kind that came back; 1 as long as too few were observed. */
  reuseShare(kind: number): number {
    return this.knows(kind) ? this.#reused[kind] / this.#observed[kind] : 1;
  }

  /** Looks at a few of those followed: whose time is over did not come back. */
  #settle(horizonAccesses: number): void {
    for (let i = 0; i < 2; i++) {
      this.#hand = (this.#hand + 1) & ((1 << slotBits) - 1);
      const slot = this.#hand;
      if (this.#unit[slot] < 0 || this.#clock - this.#arrivedAt[slot] <= horizonAccesses) continue;
      this.#learn(slot, 0);
    }
  }

  #learn(slot: number, reused: number): void {
    const kind = this.#kind[slot];
    this.#unit[slot] = -1;
    if (this.#observed[kind] >= memory) {
      this.#observed[kind] /= 2;
      this.#reused[kind] /= 2;
    }
    this.#observed[kind]++;
    this.#reused[kind] += reused;
  }
}

/** The slot in which a unit is followed; -1 when it is not in the sample. */
function slotOf(unit: number): number {
  const hash = Math.imul((unit ^ (unit / 0x1_0000_0000)) | 0, 0x9e37_79b1) >>> 0;
  // The low bits of the product are those of the unit: a stride would be sampled whole or not at all.
  if ((hash >>> 8) & ((1 << sampleBits) - 1)) return -1;
  return hash >>> (32 - slotBits);
}
