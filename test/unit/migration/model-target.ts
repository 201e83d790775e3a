/** A store without bytes: units with sizes in modelled tiers, run by the real heat code. For tests. */

import type { MigrationTarget, MoveResult } from '../../../lib/migration/migration-target.ts';
import type { TierState } from '../../../lib/policy/policy.ts';
import { headroomBytes } from '../../../lib/policy/thresholds.ts';
import { CoolingClock, foldHeat, neverAccessed, shiftHeat } from '../../../lib/tracking/heat.ts';
import { HeatHistograms } from '../../../lib/tracking/heat-histogram.ts';

export interface ModelTier {
  readonly name?: TierState['name'];
  readonly capacityBytes: number;
  readonly readLatencyNs: number;
  readonly writeLatencyNs?: number;
  readonly bytesPerSecond?: number;
}

const names: readonly TierState['name'][] = ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM', 'L4_NVME'];

/** DDR and CXL figures of the study's yardstick: 100/250 ns, 100/30 GB/s. */
export const ddr = (capacityBytes: number): ModelTier => ({
  name: 'L1_DDR',
  capacityBytes,
  readLatencyNs: 100,
  bytesPerSecond: 100e9,
});
export const cxl = (capacityBytes: number): ModelTier => ({
  name: 'L2_CXL',
  capacityBytes,
  readLatencyNs: 250,
  bytesPerSecond: 30e9,
});
export const nvme = (capacityBytes: number): ModelTier => ({
  name: 'L4_NVME',
  capacityBytes,
  readLatencyNs: 20_000,
  bytesPerSecond: 3e9,
});

const gone = 255;

export class ModelTarget implements MigrationTarget {
  readonly clock: CoolingClock = new CoolingClock();
  /** Accesses served by each tier. */
  readonly served: number[];
  /** Answers instead of moving, for tests of what the engine does with them. */
  moveHook:
    | ((unit: number, from: number, to: number) => MoveResult | Promise<MoveResult> | undefined)
    | undefined;
  movesApplied = 0;
  readonly #specs: readonly ModelTier[];
  readonly #used: number[];
  readonly #members: number[][];
  readonly #histograms: HeatHistograms;
  readonly #cursor: number[];
  #count = 0;
  #bytes = new Float64Array(1024);
  #tier = new Uint8Array(1024);
  #heat = new Float32Array(1024);
  #reads = new Uint32Array(1024);
  #writes = new Uint32Array(1024);
  #slot = new Uint32Array(1024);
  #accessed: number[] = [];
  #seen = new Uint32Array(1024);
  #round = 0;
  #pending = 0;

  constructor(tiers: readonly ModelTier[]) {
    this.#specs = tiers;
    this.served = tiers.map(() => 0);
    this.#used = tiers.map(() => 0);
    this.#members = tiers.map(() => []);
    this.#cursor = tiers.map(() => 0);
    this.#histograms = new HeatHistograms(tiers.length);
  }

  /** Puts a unit into the fastest tier with room beside its head-room, or into `tier`. */
  create(bytes: number, tier?: number): number {
    let to = tier ?? 0;
    if (tier === undefined) {
      while (
        to < this.#specs.length - 1 &&
        this.#used[to] + bytes >
          this.#specs[to].capacityBytes - headroomBytes(this.#specs[to].capacityBytes)
      )
        to++;
    }
    const unit = this.#count++;
    if (unit >= this.#bytes.length) this.#grow();
    this.#bytes[unit] = bytes;
    this.#tier[unit] = to;
    this.#heat[unit] = neverAccessed;
    this.#used[to] += bytes;
    this.#slot[unit] = this.#members[to].push(unit) - 1;
    this.#histograms.add(to, bytes, neverAccessed);
    return unit;
  }

  read(unit: number, times = 1): void {
    this.#touch(unit);
    this.#reads[unit] += times;
    this.#count1(unit, times);
  }

  write(unit: number, times = 1): void {
    this.#touch(unit);
    this.#writes[unit] += times;
    this.#count1(unit, times);
  }

  delete(unit: number): void {
    const tier = this.#tier[unit];
    this.#histograms.remove(tier, this.#bytes[unit], this.#heat[unit]);
    this.#used[tier] -= this.#bytes[unit];
    this.#unlink(unit, tier);
    this.#tier[unit] = gone;
  }

  tierOf(unit: number): number {
    return this.#tier[unit];
  }

  get usedBytes(): readonly number[] {
    return this.#used;
  }

  tierStates(): TierState[] {
    return this.#specs.map((spec, i) => ({
      name: spec.name ?? names[i],
      capacityBytes: spec.capacityBytes,
      usedBytes: this.#used[i],
      readLatencyNs: spec.readLatencyNs,
      writeLatencyNs: spec.writeLatencyNs ?? spec.readLatencyNs,
      readBytesPerSecond: spec.bytesPerSecond ?? 10e9,
      writeBytesPerSecond: spec.bytesPerSecond ?? 10e9,
      costPerGiBMonth: 1,
    }));
  }

  unitCounts(): number[] {
    return this.#members.map((m) => m.length);
  }

  snapshot(options: {
    readonly halfLifeAccesses: number;
    readonly maxUnits: number;
  }): ReturnType<MigrationTarget['snapshot']> {
    const { halfLifeAccesses, maxUnits } = options;
    this.clock.advance(this.#pending, halfLifeAccesses);
    if (this.clock.needsRebase) {
      const by = this.clock.rebase();
      shiftHeat(this.#heat, by);
      this.#histograms.shift(by);
    }
    const now = this.clock.now;
    const round = ++this.#round;
    const chosen: number[] = [];
    for (const unit of this.#accessed) {
      if (this.#tier[unit] === gone) continue;
      const before = this.#heat[unit];
      const after = foldHeat(before, now, this.#reads[unit] + this.#writes[unit]);
      this.#heat[unit] = after;
      this.#histograms.touch(this.#tier[unit], this.#bytes[unit], before, after);
      if (chosen.length < maxUnits) {
        chosen.push(unit);
        this.#seen[unit] = round;
      }
    }
    const others = Math.max(0, maxUnits - chosen.length);
    for (let t = 0; t < this.#members.length; t++) {
      const members = this.#members[t];
      const share = Math.min(members.length, Math.ceil(others / this.#members.length));
      for (let i = 0; i < share; i++) {
        const at = (this.#cursor[t] =
          this.#cursor[t] + 1 < members.length ? this.#cursor[t] + 1 : 0);
        const unit = members[at];
        if (this.#seen[unit] === round) continue;
        this.#seen[unit] = round;
        chosen.push(unit);
      }
    }
    const n = chosen.length;
    const units = {
      length: n,
      id: Float64Array.from(chosen),
      bytes: new Float64Array(n),
      tier: new Uint8Array(n),
      heatLog2: new Float32Array(n),
      reads: new Uint32Array(n),
      writes: new Uint32Array(n),
    };
    for (let i = 0; i < n; i++) {
      const unit = chosen[i];
      units.bytes[i] = this.#bytes[unit];
      units.tier[i] = this.#tier[unit];
      units.heatLog2[i] = this.#heat[unit] - now;
      units.reads[i] = this.#reads[unit];
      units.writes[i] = this.#writes[unit];
    }
    for (const unit of this.#accessed) this.#reads[unit] = this.#writes[unit] = 0;
    this.#accessed = [];
    const accessesSincePlan = this.#pending;
    this.#pending = 0;
    return {
      tiers: this.tierStates(),
      units,
      histograms: this.#histograms.view(now),
      unitCounts: this.unitCounts(),
      accessClock: this.clock.accesses,
      accessesSincePlan,
      halfLifeAccesses,
    };
  }

  move(unit: number, from: number, to: number): MoveResult | Promise<MoveResult> {
    const answer = this.moveHook?.(unit, from, to);
    if (answer !== undefined) return answer;
    if (this.#tier[unit] === gone) return 'gone';
    if (this.#tier[unit] !== from) return 'elsewhere';
    const bytes = this.#bytes[unit];
    if (this.#used[to] + bytes > this.#specs[to].capacityBytes) return 'full';
    this.#histograms.move(from, to, bytes, this.#heat[unit]);
    this.#used[from] -= bytes;
    this.#used[to] += bytes;
    this.#unlink(unit, from);
    this.#slot[unit] = this.#members[to].push(unit) - 1;
    this.#tier[unit] = to;
    this.movesApplied++;
    return 'moved';
  }

  heatLog2(unit: number): number {
    return this.#tier[unit] === gone ? -Infinity : this.#heat[unit] - this.clock.now;
  }

  #touch(unit: number): void {
    if (this.#reads[unit] === 0 && this.#writes[unit] === 0) this.#accessed.push(unit);
  }

  #count1(unit: number, times: number): void {
    this.served[this.#tier[unit]] += times;
    this.#pending += times;
  }

  #unlink(unit: number, tier: number): void {
    const members = this.#members[tier];
    const last = members.pop() as number;
    if (last !== unit) {
      members[this.#slot[unit]] = last;
      this.#slot[last] = this.#slot[unit];
    }
  }

  #grow(): void {
    const to = this.#bytes.length * 2;
    const wider = <A extends Float64Array | Float32Array | Uint32Array | Uint8Array>(
      a: A,
      make: A,
    ): A => {
      make.set(a as never);
      return make;
    };
    this.#bytes = wider(this.#bytes, new Float64Array(to));
    this.#tier = wider(this.#tier, new Uint8Array(to));
    this.#heat = wider(this.#heat, new Float32Array(to));
    this.#reads = wider(this.#reads, new Uint32Array(to));
    this.#writes = wider(this.#writes, new Uint32Array(to));
    this.#slot = wider(this.#slot, new Uint32Array(to));
    this.#seen = wider(this.#seen, new Uint32Array(to));
  }
}
