/** Why a plan moves a unit or leaves it where it is: the policy's own reason, with the figures it was held against. */

import { modelledCostNs, modelledGainNs } from '../policy/modelled-gain.ts';
import type { Move, Plan, Refusal, Snapshot } from '../policy/policy.ts';
import type { TierName } from '../tiers/tier.ts';
import { densityBytes } from '../tracking/heat.ts';
import { explanationText } from './explanation-text.ts';

/** What a plan does with one unit, and why. */
export interface UnitExplanation {
  /** As in a move's `unit`. */
  readonly unit: number;
  readonly bytes: number;
  readonly tier: TierName;
  readonly decision: 'move' | 'stay';
  /** Where it goes, or would have gone; undefined when no other tier was in question. */
  readonly to: TierName | undefined;
  /** The node it is on, and the one it goes to; undefined where there is no choice. */
  readonly node?: number | undefined;
  readonly toNode?: number | undefined;
  /** Shares of its recent accesses by the node of the CPU, most first; undefined where there is no choice. */
  readonly usedFrom?: readonly { readonly node: number; readonly share: number }[] | undefined;
  /**
   * Why. Of a move its `reason`; of a unit that stays what kept it: the policy's word (`benefit`, `dwell`, `room`,
   * `budget`, `endurance`, `load`, `shared`...), `cold` (below the threshold), `fastest` (there is no faster tier), `unwanted` (the policy
   * asks for no move), `failed` (the policy did), or what holds it: `leased`, `damaged`, `untracked`.
   */
  readonly why: string;
  /** Accesses, decayed: what is older by a half-life counts half. */
  readonly heat: number;
  /** Heat a unit of this size needs for the next faster tier, or in the fastest one to belong there. */
  readonly threshold: number | undefined;
  /** The same as accesses a second; undefined while it is not known how fast the program accesses data. */
  readonly heatPerSecond: number | undefined;
  readonly thresholdPerSecond: number | undefined;
  /** Modelled time its accesses would save and the move would take; victims included where the policy counts them. */
  readonly gainNs: number;
  readonly costNs: number;
  /** Accesses until it may move again; 0 when it may. */
  readonly dwellAccesses: number;
  /** Of what stays for `endurance`: the tier that may be written least now, and how much. */
  readonly writeLimit?: { readonly tier: TierName; readonly bytes: number } | undefined;
  /** All that in a line, e.g. `heat 412/s, threshold 64/s, gain 1.9 ms > cost 0.4 ms: to L1_DDR (hot)`. */
  readonly text: string;
}

/** A plan and what it was made from. */
export interface ExplainedPlan {
  readonly snapshot: Snapshot;
  /** Made with `explain`. */
  readonly plan: Plan;
  /** What was wrong with the policy's own plan. */
  readonly failure?: string | undefined;
  /** Tracked accesses a second, of all units together. */
  readonly perSecond?: number | undefined;
  /** As in the budget the plan was made with. */
  readonly writeBytes?: readonly number[] | undefined;
}

/** Looks the units up in a plan; undefined for one that is not in its snapshot. O(units of the snapshot + plan). */
export function explainUnits(
  units: readonly number[],
  explained: ExplainedPlan,
): (UnitExplanation | undefined)[] {
  const { snapshot, plan } = explained;
  const wanted = new Set(units);
  const rows = new Map<number, number>();
  for (let row = 0; row < snapshot.units.length; row++) {
    const id = snapshot.units.id[row];
    if (wanted.has(id)) rows.set(id, row);
  }
  const moves = new Map(plan.moves.filter(({ unit }) => rows.has(unit)).map((m) => [m.unit, m]));
  const refusals = new Map(
    plan.refusals?.filter(({ unit }) => rows.has(unit)).map((r) => [r.unit, r]),
  );
  return units.map((unit) => {
    const row = rows.get(unit);
    if (row === undefined) return undefined;
    return explainRow(row, moves.get(unit) ?? refusals.get(unit), explained);
  });
}

type Verdict = Pick<UnitExplanation, 'decision' | 'why' | 'gainNs' | 'costNs' | 'toNode'> & {
  readonly to: number;
};

function explainRow(
  row: number,
  word: Move | Refusal | undefined,
  explained: ExplainedPlan,
): UnitExplanation {
  const { snapshot, plan } = explained;
  const { units, tiers, accessClock } = snapshot;
  const tier = units.tier[row];
  const bytes = units.bytes[row];
  const heat = 2 ** units.heatLog2[row];
  const density = plan.thresholdsLog2[Math.max(0, tier - 1)];
  const threshold = density === undefined ? undefined : 2 ** density * (bytes / densityBytes);
  const { to, ...verdict } =
    word === undefined ? unasked(row, heat, threshold, explained) : verdictOf(word);
  const rate = ratePerHeat(explained);
  const facts: Omit<UnitExplanation, 'text'> = {
    unit: units.id[row],
    bytes,
    tier: tiers[tier].name,
    ...verdict,
    to: tiers[to]?.name,
    node: units.node && snapshot.nodes?.ids[units.node[row]],
    usedFrom: usersOf(row, snapshot),
    heat,
    threshold,
    heatPerSecond: rate && heat * rate,
    thresholdPerSecond: rate && threshold && threshold * rate,
    dwellAccesses: Math.max(0, units.dwellUntil[row] - accessClock),
    writeLimit: verdict.why === 'endurance' ? writeLimit(explained) : undefined,
  };
  return { ...facts, text: explanationText(facts) };
}

function verdictOf(word: Move | Refusal): Verdict {
  const { to, gainNs, costNs } = word;
  if ('reason' in word) {
    const { reason: why, node: toNode } = word;
    return { decision: 'move', why, to, toNode, gainNs, costNs };
  }
  return { decision: 'stay', why: word.why, to, gainNs, costNs };
}

function usersOf(row: number, { units, nodes }: Snapshot): UnitExplanation['usedFrom'] {
  if (nodes === undefined || units.uses === undefined) return undefined;
  return units.uses
    .map((column, index) => ({ node: nodes.ids[index], share: column[row] }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share || a.node - b.node);
}

/** The unit itself may go elsewhere: it is the place of what makes room for it that may be written no more. */
function writeLimit({ snapshot, writeBytes }: ExplainedPlan): UnitExplanation['writeLimit'] {
  if (writeBytes === undefined || writeBytes.length === 0) return undefined;
  const bytes = Math.min(...writeBytes);
  if (bytes === Infinity) return undefined;
  return { tier: snapshot.tiers[writeBytes.indexOf(bytes)].name, bytes };
}

/** A unit that the policy neither moves nor names. */
function unasked(
  row: number,
  heat: number,
  threshold: number | undefined,
  { snapshot, failure }: ExplainedPlan,
): Verdict {
  const to = snapshot.units.tier[row] - 1;
  if (to < 0) {
    const why = failure === undefined ? 'fastest' : 'failed';
    return { decision: 'stay', why, to, gainNs: 0, costNs: 0 };
  }
  const cold = threshold !== undefined && heat < threshold;
  return {
    decision: 'stay',
    why: failure !== undefined ? 'failed' : cold ? 'cold' : 'unwanted',
    to,
    gainNs: modelledGainNs(snapshot, row, to),
    costNs: modelledCostNs(snapshot, row, to),
  };
}

/** Accesses a second of a unit for each access in its heat, were it used evenly; undefined when time is not known. */
function ratePerHeat({ snapshot, perSecond }: ExplainedPlan): number | undefined {
  if (perSecond === undefined) return undefined;
  const { halfLifeAccesses, accessClock } = snapshot;
  if (Number.isFinite(halfLifeAccesses)) return (Math.LN2 / halfLifeAccesses) * perSecond;
  return accessClock > 0 ? perSecond / accessClock : undefined;
}
