/**
 * How often to look at accesses, and at how many chunks at a time, so that looking costs no more than its budget.
 *
 * A source costs by the look or by the second. Looks are made rarer until they are cheap enough; what runs all the
 * time costs by what it watches, and is given less to watch. Of the budget it may have half.
 */

const minIntervalMs = 100;
const maxIntervalMs = 60_000;
/** Fewer are never watched: a rotation through more parts would take longer than heat lasts. */
const minChunks = 16;
/** A new measurement's share in the average: a kernel thread's CPU time comes in ticks of 10 ms. */
const freshShare = 0.3;

/** One look at the watched chunks. */
export interface Look {
  /** CPU time that this look took, or made the program take. */
  readonly lookNs: number;
  /** CPU time that went by since the last look for what runs all the time; 0 without such a source. */
  readonly runningNs: number;
  /** Time since the last look. */
  readonly elapsedNs: number;
  /** Chunks watched, and chunks there are to watch. */
  readonly watched: number;
  readonly wanted: number;
}

/** Keeps the cost of looking within its budget. */
export class HotnessPace {
  readonly #overhead: number;
  #intervalMs = minIntervalMs;
  #chunks = Number.POSITIVE_INFINITY;
  #lookNs = 0;
  #runningShare = 0;
  #looks = 0;

  /** `overhead`: the budget, as a share of one core. */
  constructor(overhead: number) {
    this.#overhead = overhead;
  }

  /** Milliseconds to the next look. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** Most chunks to watch at a time; `Infinity` when all are affordable. */
  get chunks(): number {
    return this.#chunks;
  }

  /** Takes a look into account. */
  record(look: Look): void {
    const { lookNs, runningNs, elapsedNs } = look;
    const weight = this.#looks++ === 0 ? 1 : freshShare;
    this.#lookNs += (lookNs - this.#lookNs) * weight;
    const runningShare = elapsedNs > 0 ? runningNs / elapsedNs : 0;
    this.#runningShare += (runningShare - this.#runningShare) * weight;

    const forRunning = this.#overhead / 2;
    const forLooks = this.#overhead - Math.min(this.#runningShare, forRunning);
    const affordableMs = this.#lookNs / forLooks / 1e6;
    this.#intervalMs = Math.min(maxIntervalMs, Math.max(minIntervalMs, affordableMs));
    this.#resize(look, Math.max(this.#runningShare / forRunning, affordableMs / maxIntervalMs));
  }

  /** `load`: cost over budget of what cannot be had cheaper by looking less often. */
  #resize({ watched, wanted }: Look, load: number): void {
    if (watched === 0) return;
    if (load > 1) {
      this.#chunks = Math.max(minChunks, Math.floor(watched / load));
      // What was measured was about more chunks.
      this.#scale(Math.min(1, this.#chunks / watched));
    } else if (load < 0.4 && watched < wanted) {
      this.#chunks = watched * 2 < wanted ? watched * 2 : Number.POSITIVE_INFINITY;
      this.#scale(Math.min(this.#chunks, wanted) / watched);
    }
  }

  #scale(by: number): void {
    this.#lookNs *= by;
    this.#runningShare *= by;
  }
}
