/**
 * Placement by what is known of the coming period: at its start the units that will save most move up, those that
 * will not move down for them, and nothing moves until the next. Every move is charged.
 */

import { type CostModel, moveNs } from '../../policy/cost-model.ts';
import type { AccessLog } from '../access-log.ts';
import { RecencyList } from '../cache/recency-list.ts';
import type { ModelledTier } from '../modelled-store.ts';
import { type Demand, UnitCosts } from './demand.ts';
import { TierRoom } from './tier-room.ts';
import { VictimStacks } from './victim-stacks.ts';

/** What a placement that moves came to: averages by access, in modelled nanoseconds; 0 for an empty log. */
export interface MovingPlacement {
  readonly accessNs: number;
  readonly moveNs: number;
  /** Of both. */
  readonly totalNs: number;
  readonly moves: number;
  readonly movedBytes: number;
}

const nowhere = 255;

/** Plays a log period by period. */
export class PeriodOracle {
  readonly #log: AccessLog;
  readonly #tiers: readonly ModelledTier[];
  readonly #costs: CostModel;
  readonly #gated: boolean;
  readonly #unitCosts: UnitCosts;
  readonly #room: TierRoom;
  readonly #tierOf: Uint8Array;
  readonly #density: Float64Array;
  /** Of the units in tiers. */
  readonly #recency: RecencyList;
  readonly #firstRow: Uint32Array;
  #servedNs = 0;
  #moveNs = 0;
  #moves = 0;
  #movedBytes = 0;

  /** Gated: nothing moves that saves less in the period than the moves for it cost. */
  constructor(log: AccessLog, tiers: readonly ModelledTier[], costs: CostModel, gated: boolean) {
    this.#log = log;
    this.#tiers = tiers;
    this.#costs = costs;
    this.#gated = gated;
    this.#unitCosts = new UnitCosts(log, tiers, costs);
    this.#room = new TierRoom(tiers);
    this.#tierOf = new Uint8Array(log.unitCount).fill(nowhere);
    this.#density = new Float64Array(log.unitCount);
    this.#recency = new RecencyList(log.unitCount);
    this.#firstRow = new Uint32Array(log.unitCount);
    for (let row = log.length - 1; row >= 0; row--) this.#firstRow[log.unit[row]] = row;
  }

  /** Rows `from` up to, not including, `to`, of which `known` is expected. New units are placed by it, too. */
  play(from: number, to: number, known: Demand): void {
    const order = this.#rank(to, known);
    const victims = new VictimStacks(
      this.#tiers.length,
      this.#tierOf,
      order,
      this.#density,
      this.#recency,
    );
    for (const unit of order) this.#raise(unit, known, victims);
    for (let row = from; row < to; row++) {
      const unit = this.#log.unit[row];
      if (this.#tierOf[unit] === nowhere) {
        this.#place(unit, this.#room.find(this.#log.sizeBytes[unit]));
      }
      this.#recency.touch(unit);
      this.#servedNs += this.#unitCosts.rowNs(unit, this.#tierOf[unit], this.#log.write[row]);
    }
  }

  result(): MovingPlacement {
    const accesses = Math.max(1, this.#log.length * this.#log.weight);
    return {
      accessNs: this.#servedNs / accesses,
      moveNs: this.#moveNs / accesses,
      totalNs: (this.#servedNs + this.#moveNs) / accesses,
      moves: this.#moves,
      movedBytes: this.#movedBytes,
    };
  }

  /** Units that exist before row `to` and of which something is expected, the most worthwhile byte first. */
  #rank(to: number, known: Demand): Uint32Array {
    const density = this.#density;
    const active: number[] = [];
    for (let unit = 0; unit < density.length; unit++) {
      density[unit] = this.#exists(unit, to) ? this.#unitCosts.density(unit, known) : 0;
      if (density[unit] > 0) active.push(unit);
    }
    return Uint32Array.from(active).sort((a, b) => density[b] - density[a] || a - b);
  }

  #exists(unit: number, before: number): boolean {
    return this.#tierOf[unit] !== nowhere || this.#firstRow[unit] < before;
  }

  /** To the fastest tier where it displaces only what is worth less. */
  #raise(unit: number, known: Demand, victims: VictimStacks): void {
    const bytes = this.#log.sizeBytes[unit];
    const now = this.#tierOf[unit];
    const otherwise = now === nowhere ? this.#room.find(bytes) : now;
    const stayNs = this.#unitCosts.servedNs(unit, otherwise, known);
    // What gives way may take the place that this unit leaves.
    if (now !== nowhere) this.#room.give(now, bytes);
    let to = otherwise;
    for (let tier = 0; tier < to; tier++) {
      let netNs = stayNs - this.#unitCosts.servedNs(unit, tier, known);
      if (now !== nowhere) netNs -= this.#moveCost(now, tier, bytes);
      if (this.#makeRoom(unit, tier, netNs, known, victims)) to = tier;
    }
    if (now !== nowhere) this.#room.take(now, bytes);
    if (to !== now) this.#place(unit, to);
  }

  /** Moves colder units out of `tier` until `unit` fits, if that is worth it; else nothing. */
  #makeRoom(
    unit: number,
    tier: number,
    netNs: number,
    known: Demand,
    victims: VictimStacks,
  ): boolean {
    const { sizeBytes } = this.#log;
    const chosen: number[] = [];
    let left = netNs;
    let free = this.#room.free(tier);
    while (free < sizeBytes[unit]) {
      const victim = victims.pop(tier);
      if (victim < 0 || this.#density[victim] >= this.#density[unit]) {
        if (victim >= 0) chosen.push(victim);
        left = -Infinity;
        break;
      }
      chosen.push(victim);
      free += sizeBytes[victim];
      const down = this.#room.find(sizeBytes[victim], tier + 1);
      left -= this.#moveCost(tier, down, sizeBytes[victim]);
      left -= this.#unitCosts.servedNs(victim, down, known);
      left += this.#unitCosts.servedNs(victim, tier, known);
    }
    if (left === -Infinity || (this.#gated && left <= 0)) {
      while (chosen.length > 0) victims.push(tier, chosen.pop() as number);
      return false;
    }
    for (const victim of chosen) {
      const down = this.#room.find(sizeBytes[victim], tier + 1);
      this.#place(victim, down);
      if (this.#density[victim] === 0) victims.push(down, victim);
    }
    return true;
  }

  #moveCost(from: number, to: number, bytes: number): number {
    return moveNs(this.#tiers[from], this.#tiers[to], bytes, this.#costs);
  }

  /** Charged unless the unit is new. */
  #place(unit: number, tier: number): void {
    const bytes = this.#log.sizeBytes[unit];
    const from = this.#tierOf[unit];
    if (from !== nowhere) {
      this.#room.give(from, bytes);
      this.#moveNs += this.#moveCost(from, tier, bytes);
      this.#moves++;
      this.#movedBytes += bytes;
    }
    if (from === nowhere) this.#recency.touch(unit);
    this.#room.take(tier, bytes);
    this.#tierOf[unit] = tier;
  }
}
