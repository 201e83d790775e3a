/** Adds nodes to one plan; see near-user.ts for what it aims at. */

import { moveNs } from './cost-model.ts';
import { NodeRooms } from './node-rooms.ts';
import { type Move, noNode, type Plan, type PlanBudget, type Refusal } from './policy.ts';
import { type PlacedUnits, RemoteAccess } from './remote-access.ts';

/** Moves are taken to cost this many times what they do, as in `balanced`: expectations err. */
const costFactor = 2;
/**
 * A unit follows its users when that ends at least this share of their remote time. Two nodes that use a unit about
 * evenly would pull it to and fro by the noise of their counts; at a half, one has to use it twice as much as the other.
 */
const endedShare = 0.5;

/** Rows looked at for one to change places with. */
const exchangeScan = 256;

/** A row that would be better off on another node of its tier. */
interface Candidate {
  readonly row: number;
  readonly tier: number;
  readonly to: number;
  readonly gainNs: number;
}

/** Makes one plan and is thrown away. */
export class NearPlan {
  readonly #placed: PlacedUnits;
  readonly #remote: RemoteAccess;
  readonly #rooms: NodeRooms;
  readonly #moves: Move[] = [];
  readonly #refused: Record<string, number>;
  readonly #refusals: Map<number, Refusal> | undefined;
  readonly #writeLeft: number[] | undefined;
  readonly #rowOf: Map<number, number> = new Map();
  /** Rows that move already. */
  readonly #taken: Set<number> = new Set();
  readonly #byPlace: Map<number, readonly number[]> = new Map();
  readonly #plan: Plan;
  #bytesLeft: number;

  constructor(placed: PlacedUnits, budget: PlanBudget, plan: Plan) {
    this.#placed = placed;
    this.#plan = plan;
    this.#remote = new RemoteAccess(placed);
    this.#rooms = new NodeRooms(placed.nodes);
    this.#refused = { ...plan.refused };
    const refusals = plan.refusals ?? (budget.explain === true ? [] : undefined);
    this.#refusals = refusals && new Map(refusals.map((one) => [one.unit, one]));
    this.#writeLeft = budget.writeBytes?.slice();
    this.#bytesLeft = budget.bytes;
    const moved = new Set(plan.moves.map(({ unit }) => unit));
    const { id, length } = placed.snapshot.units;
    for (let row = 0; row < length; row++) if (moved.has(id[row])) this.#rowOf.set(id[row], row);
    for (const move of plan.moves) this.#carry(move);
  }

  /** The same plan, with nodes for its moves and the moves between nodes behind them. */
  make(): Plan {
    for (const candidate of this.#candidates()) {
      // It may have changed places with one before it.
      if (this.#taken.has(candidate.row)) continue;
      const kept = this.#follow(candidate);
      if (kept !== undefined) this.#refuse(candidate, kept);
    }
    return {
      ...this.#plan,
      moves: this.#moves,
      refused: this.#refused,
      ...(this.#refusals === undefined ? {} : { refusals: [...this.#refusals.values()] }),
    };
  }

  /** A move between tiers goes where it is used, if there is a choice and room. */
  #carry(move: Move): void {
    const { node } = this.#placed;
    const row = this.#rowOf.get(move.unit);
    this.#bytesLeft -= move.bytes;
    if (this.#writeLeft !== undefined) this.#writeLeft[move.to] -= move.bytes;
    if (row === undefined) {
      this.#moves.push(move);
      return;
    }
    this.#taken.add(row);
    this.#rooms.add(move.from, node[row], -move.bytes);
    const to = this.#bestNode(row, move.to, move.bytes);
    if (to === noNode) {
      this.#moves.push(move);
      return;
    }
    this.#rooms.add(move.to, to, move.bytes);
    this.#moves.push({ ...move, node: this.#placed.nodes.ids[to] });
  }

  /** The nearest node of a tier with room for `bytes`; {@link noNode} when there is no choice, or nobody knows. */
  #bestNode(row: number, tier: number, bytes: number): number {
    if (this.#rooms.of(tier).length < 2 || !this.#remote.isKnown(row)) return noNode;
    let best = noNode;
    let leastNs = Infinity;
    for (const { node } of this.#rooms.of(tier)) {
      const extraNs = this.#remote.extraNs(row, tier, node);
      if (extraNs >= leastNs || !this.#rooms.fits(tier, node, bytes)) continue;
      best = node;
      leastNs = extraNs;
    }
    return best;
  }

  /** Rows that are used mostly from elsewhere, the most gain by byte first. */
  #candidates(): Candidate[] {
    const { snapshot, node } = this.#placed;
    const { units } = snapshot;
    const found: Candidate[] = [];
    for (let row = 0; row < units.length; row++) {
      const tier = units.tier[row];
      if (node[row] === noNode || this.#taken.has(row)) continue;
      if (this.#rooms.of(tier).length < 2 || this.#remote.isSettled(row, tier)) continue;
      if (!this.#remote.isKnown(row)) continue;
      const hereNs = this.#remote.extraNs(row, tier, node[row]);
      let to = node[row];
      let leastNs = hereNs;
      for (const { node: other } of this.#rooms.of(tier)) {
        const extraNs = this.#remote.extraNs(row, tier, other);
        if (extraNs >= leastNs) continue;
        to = other;
        leastNs = extraNs;
      }
      if (to === node[row]) continue;
      const candidate = { row, tier, to, gainNs: this.#uses(row) * (hereNs - leastNs) };
      if (hereNs - leastNs < endedShare * hereNs) this.#refuse(candidate, 'shared');
      else found.push(candidate);
    }
    return found.sort(
      (a, b) => b.gainNs / units.bytes[b.row] - a.gainNs / units.bytes[a.row] || a.row - b.row,
    );
  }

  /** Moves it, or says what keeps it. */
  #follow(candidate: Candidate): string | undefined {
    const { row, tier, to, gainNs } = candidate;
    const bytes = this.#placed.snapshot.units.bytes[row];
    const costNs = costFactor * this.#costNs(row);
    if (this.#dwells(row)) return 'dwell';
    if (gainNs <= costNs) return 'benefit';
    const fits = this.#rooms.fits(tier, to, bytes);
    const partner = fits ? undefined : this.#partner(candidate, gainNs - costNs);
    if (!fits && partner === undefined) return 'room';
    const all = partner === undefined ? bytes : 2 * bytes;
    if (all > this.#bytesLeft) return 'budget';
    if (this.#writeLeft !== undefined && all > this.#writeLeft[tier]) return 'endurance';
    if (partner !== undefined) this.#move(partner, 'victim');
    this.#move(candidate, 'near');
    return undefined;
  }

  /**
   * Whoever of the same size is on the wanted node and loses least by changing places; it has to lose less than
   * `surplusNs`, its own move included, and there has to be a place to step aside to.
   */
  #partner({ row, tier, to }: Candidate, surplusNs: number): Candidate | undefined {
    const { snapshot, node } = this.#placed;
    const { units } = snapshot;
    const back = node[row];
    if (!this.#rooms.fits(tier, back, units.bytes[row])) return undefined;
    let best: Candidate | undefined;
    let looked = 0;
    for (const other of this.#coldest(tier, to)) {
      if (units.bytes[other] !== units.bytes[row] || this.#taken.has(other)) continue;
      if (looked++ >= exchangeScan) break;
      if (this.#dwells(other)) continue;
      // It is used from here, for all anybody knows.
      if (this.#uses(other) > 0 && !this.#remote.isKnown(other)) continue;
      const lostNs =
        this.#remote.extraNs(other, tier, back) - this.#remote.extraNs(other, tier, to);
      const gainNs = -this.#uses(other) * lostNs;
      if (best === undefined || gainNs > best.gainNs) best = { row: other, tier, to: back, gainNs };
    }
    if (best === undefined || costFactor * this.#costNs(best.row) - best.gainNs >= surplusNs) {
      return undefined;
    }
    return best;
  }

  /** Rows of a tier on a node, the least used first. */
  #coldest(tier: number, on: number): readonly number[] {
    const key = tier * (noNode + 1) + on;
    const known = this.#byPlace.get(key);
    if (known !== undefined) return known;
    const { node, snapshot } = this.#placed;
    const { units } = snapshot;
    const rows: number[] = [];
    for (let row = 0; row < units.length; row++) {
      if (node[row] === on && units.tier[row] === tier) rows.push(row);
    }
    rows.sort((a, b) => units.heatLog2[a] - units.heatLog2[b] || a - b);
    this.#byPlace.set(key, rows);
    return rows;
  }

  #move({ row, tier, to, gainNs }: Candidate, reason: 'near' | 'victim'): void {
    const { snapshot, nodes, node } = this.#placed;
    const { id, bytes: sizes } = snapshot.units;
    const bytes = sizes[row];
    this.#taken.add(row);
    this.#refusals?.delete(id[row]);
    this.#bytesLeft -= bytes;
    if (this.#writeLeft !== undefined) this.#writeLeft[tier] -= bytes;
    this.#rooms.add(tier, node[row], -bytes);
    this.#rooms.add(tier, to, bytes);
    this.#moves.push({
      unit: id[row],
      bytes,
      from: tier,
      to: tier,
      node: nodes.ids[to],
      reason,
      gainNs,
      costNs: this.#costNs(row),
    });
  }

  #refuse({ row, tier, gainNs }: Candidate, why: string): void {
    this.#refused[why] = (this.#refused[why] ?? 0) + 1;
    if (this.#refusals === undefined) return;
    const unit = this.#placed.snapshot.units.id[row];
    // What it was told about tiers is what it hears.
    if (this.#refusals.has(unit)) return;
    const costNs = this.#costNs(row);
    this.#refusals.set(unit, { unit, from: tier, to: tier, why, gainNs, costNs });
  }

  #dwells(row: number): boolean {
    const { units, accessClock } = this.#placed.snapshot;
    return units.dwellUntil[row] > accessClock;
  }

  /** Accesses of one half-life. */
  #uses(row: number): number {
    return 2 ** this.#placed.snapshot.units.heatLog2[row] * Math.LN2;
  }

  #costNs(row: number): number {
    const { units, tiers, costs } = this.#placed.snapshot;
    const tier = tiers[units.tier[row]];
    return moveNs(tier, tier, units.bytes[row], costs);
  }
}
