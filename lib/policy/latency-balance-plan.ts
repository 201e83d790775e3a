/**
 * One plan under latency balance: of the plan of another policy what does not load a saturated tier further, and moves
 * that bring the share of the accesses of each pair of tiers to its target; see latency-balance.ts.
 */

import { moveNs } from './cost-model.ts';
import { accessesByTier } from './latency-balance.ts';
import type { LatencyBalance, Move, Plan, PlanBudget, Refusal, Snapshot } from './policy.ts';

/** Smaller steps are noise. */
const minShift = 0.005;

/** Makes one plan and is thrown away. */
export class LatencyBalancePlan {
  readonly #snapshot: Snapshot;
  readonly #balance: LatencyBalance;
  readonly #moves: Move[] = [];
  readonly #taken: Set<number> = new Set();
  readonly #usedBytes: number[];
  readonly #accesses: readonly number[];
  /** By pair: what its share still has to change by; 0 where nothing is balanced. */
  readonly #shift: number[];
  readonly #maxShiftBytes: number;
  readonly #refused: Record<string, number> = {};
  readonly #refusals: Refusal[] = [];
  #bytesLeft: number;

  /** `maxShiftBytes`: at most this much is moved to shift load; it counts against the budget as well. */
  constructor(
    snapshot: Snapshot,
    balance: LatencyBalance,
    budget: PlanBudget,
    maxShiftBytes: number,
  ) {
    this.#snapshot = snapshot;
    this.#balance = balance;
    this.#usedBytes = snapshot.tiers.map(({ usedBytes }) => usedBytes);
    this.#accesses = accessesByTier(snapshot.units, snapshot.tiers.length);
    this.#bytesLeft = budget.bytes;
    this.#shift = balance.pairs.map(({ engaged, target }, k) => {
      const sum = this.#accesses[k] + this.#accesses[k + 1];
      if (!engaged || sum === 0) return 0;
      const shift = target - this.#accesses[k] / sum;
      return Math.abs(shift) < minShift ? 0 : shift;
    });
    this.#maxShiftBytes = maxShiftBytes;
  }

  make(inner: Plan): Plan {
    this.#takeHarmless(inner);
    let bytes = Math.min(this.#maxShiftBytes, this.#bytesLeft);
    for (let k = 0; k < this.#shift.length; k++) {
      if (this.#shift[k] < 0) bytes -= this.#shiftLoad(k, k + 1, -this.#shift[k], bytes);
      else if (this.#shift[k] > 0) bytes -= this.#shiftLoad(k + 1, k, this.#shift[k], bytes);
    }
    const refused: Record<string, number> = { ...inner.refused };
    for (const [why, count] of Object.entries(this.#refused)) {
      refused[why] = (refused[why] ?? 0) + count;
    }
    const { refusals } = inner;
    return {
      ...inner,
      moves: this.#moves,
      refused,
      ...(refusals === undefined ? {} : { refusals: this.#stillRefused(refusals) }),
    };
  }

  /**
   * Takes over the moves of the other plan, victims only together with what they make room for, and drops those that
   * bring more load to a tier than its pair can bear.
   */
  #takeHarmless({ moves }: Plan): void {
    const rowOf = this.#rowsOf(moves);
    let victims: Move[] = [];
    for (const move of moves) {
      if (move.reason === 'victim') {
        victims.push(move);
        continue;
      }
      const row = rowOf.get(move.unit) as number;
      if (move.to > move.from || move.reason === 'hint' || this.#bears(move, row)) {
        if (this.#takeAll([...victims, move])) this.#account(move, row);
        else this.#refuse(move, 'room');
      } else {
        this.#refuse(move, 'load');
      }
      victims = [];
    }
  }

  #refuse({ unit, from, to, gainNs, costNs }: Move, why: string): void {
    this.#refused[why] = (this.#refused[why] ?? 0) + 1;
    this.#refusals.push({ unit, from, to, why, gainNs, costNs });
  }

  /** Who stays after all: what this plan moves to shift load may be what the other one kept. */
  #stillRefused(inner: readonly Refusal[]): Refusal[] {
    return [...inner, ...this.#refusals].filter(({ unit }) => !this.#taken.has(unit));
  }

  /** Whether every balanced pair the promotion crosses wants that much more load above. */
  #bears({ from, to }: Move, row: number): boolean {
    for (let k = to; k < from; k++) {
      const room = this.#shift[k];
      if (this.#balance.pairs[k].engaged && (room <= 0 || this.#shareOf(row, k) > room))
        return false;
    }
    return true;
  }

  #account({ from, to }: Move, row: number): void {
    for (let k = to; k < from; k++) {
      if (this.#balance.pairs[k].engaged) this.#shift[k] -= this.#shareOf(row, k);
    }
  }

  /** All or nothing: they fit one after the other, or none is taken. */
  #takeAll(moves: readonly Move[]): boolean {
    const used = this.#usedBytes.slice();
    let bytes = 0;
    for (const move of moves) {
      used[move.from] -= move.bytes;
      used[move.to] += move.bytes;
      bytes += move.bytes;
      if (used[move.to] > this.#snapshot.tiers[move.to].capacityBytes) return false;
    }
    if (bytes > this.#bytesLeft) return false;
    for (const move of moves) this.#take(move);
    return true;
  }

  #take(move: Move): void {
    this.#usedBytes[move.from] -= move.bytes;
    this.#usedBytes[move.to] += move.bytes;
    this.#bytesLeft -= move.bytes;
    this.#taken.add(move.unit);
    this.#moves.push(move);
  }

  /**
   * Moves the most used units that fit `share` from a tier to its neighbour, and where that is full the least used
   * back. Returns the bytes moved.
   */
  #shiftLoad(from: number, to: number, share: number, maxBytes: number): number {
    const pair = Math.min(from, to);
    const { bytes } = this.#snapshot.units;
    const hot = this.#rowsIn(from, pair);
    const cold = this.#rowsIn(to, pair).reverse();
    const before = this.#bytesLeft;
    let left = share;
    let next = 0;
    for (const row of hot) {
      if (left < minShift / 2) break;
      const gain = this.#shareOf(row, pair);
      if (gain === 0) break;
      if (gain > left) continue;
      const steps: Move[] = [];
      let loss = 0;
      let missing = this.#usedBytes[to] + bytes[row] - this.#snapshot.tiers[to].capacityBytes;
      let used = next;
      for (; missing > 0 && used < cold.length; used++) {
        steps.push(this.#move(cold[used], to, from));
        missing -= bytes[cold[used]];
        loss += this.#shareOf(cold[used], pair);
      }
      // What comes back is as hot as what goes: nothing is gained from here on.
      if (missing > 0 || loss >= gain) break;
      steps.push(this.#move(row, from, to));
      const moved = steps.reduce((sum, move) => sum + move.bytes, 0);
      if (before - this.#bytesLeft + moved > maxBytes || !this.#takeAll(steps)) break;
      left -= gain - loss;
      next = used;
    }
    return before - this.#bytesLeft;
  }

  /** Rows in a tier that may move, the most used by its bytes first. */
  #rowsIn(tier: number, pair: number): number[] {
    const { units, accessClock } = this.#snapshot;
    const rows: number[] = [];
    for (let row = 0; row < units.length; row++) {
      if (units.tier[row] !== tier || this.#taken.has(units.id[row])) continue;
      if (units.dwellUntil[row] <= accessClock) rows.push(row);
    }
    const density = Float64Array.from(
      rows,
      (row) => (this.#shareOf(row, pair) * 2 ** 20) / units.bytes[row],
    );
    const order = rows.map((_, i) => i).sort((a, b) => density[b] - density[a] || a - b);
    return order.map((i) => rows[i]);
  }

  /** Of the accesses to both tiers of a pair, the row's share. */
  #shareOf(row: number, pair: number): number {
    const { reads, writes } = this.#snapshot.units;
    const sum = this.#accesses[pair] + this.#accesses[pair + 1];
    return sum === 0 ? 0 : (reads[row] + writes[row]) / sum;
  }

  #move(row: number, from: number, to: number): Move {
    const { units, tiers, costs } = this.#snapshot;
    const bytes = units.bytes[row];
    const costNs = moveNs(tiers[from], tiers[to], bytes, costs);
    // By the figures without load, which gains are counted in, it brings nothing.
    return { unit: units.id[row], bytes, from, to, reason: 'load', gainNs: 0, costNs };
  }

  #rowsOf(moves: readonly Move[]): Map<number, number> {
    const { units } = this.#snapshot;
    const rows = new Map<number, number>(moves.map(({ unit }) => [unit, -1]));
    for (let row = 0; row < units.length; row++) {
      if (rows.has(units.id[row])) rows.set(units.id[row], row);
    }
    return rows;
  }
}
