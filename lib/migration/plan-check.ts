/** A policy may be anybody's code: what it returns is checked whole before any of it is done. */

import type { Plan, Refusal, Snapshot } from '../policy/policy.ts';

/**
 * What is wrong with a plan, or undefined. Every move has to be about a unit of the snapshot, from the tier it is in
 * to another one that exists, or to a node of it, once, with finite figures; notes and refusals have to be numbers that can be shown.
 * O(units + moves + refusals).
 */
export function findPlanError(plan: unknown, snapshot: Snapshot): string | undefined {
  if (typeof plan !== 'object' || plan === null)
    return `plan is ${plan === null ? 'null' : typeof plan}`;
  const { moves, thresholdsLog2, refused } = plan as Partial<Plan>;
  if (!Array.isArray(moves)) return 'plan.moves is not an array';
  if (
    !Array.isArray(thresholdsLog2) ||
    thresholdsLog2.some((t) => typeof t !== 'number' || Number.isNaN(t))
  ) {
    return 'plan.thresholdsLog2 is not an array of numbers';
  }
  if (typeof refused !== 'object' || refused === null) return 'plan.refused is not an object';
  const wrong = findNoteError(plan as Plan) ?? findRefusalError(plan as Plan, snapshot);
  if (wrong !== undefined) return wrong;
  if (moves.length === 0) return undefined;

  const { units, tiers } = snapshot;
  const wanted = new Map<number, number>();
  for (let i = 0; i < moves.length; i++) {
    const move: unknown = moves[i];
    if (typeof move !== 'object' || move === null) return `moves[${i}] is not an object`;
    const { unit } = move as { unit: number };
    if (wanted.has(unit)) return `moves[${i}] moves unit ${unit} a second time`;
    wanted.set(unit, -1);
  }
  for (let row = 0; row < units.length; row++) {
    if (wanted.has(units.id[row])) wanted.set(units.id[row], row);
  }
  for (let i = 0; i < moves.length; i++) {
    const { unit, bytes, from, to, node, gainNs, costNs, reason } = moves[i];
    const row = wanted.get(unit) as number;
    if (row < 0) return `moves[${i}].unit ${String(unit)} is not in the snapshot`;
    if (from !== units.tier[row])
      return `moves[${i}].from ${String(from)} is not where unit ${unit} is`;
    if (!Number.isInteger(to) || to < 0 || to >= tiers.length) {
      return `moves[${i}].to ${String(to)} is not a tier`;
    }
    if (to === from && node === undefined) return `moves[${i}] goes from tier ${from} to itself`;
    if (node !== undefined && snapshot.nodes?.ids.includes(node) !== true) {
      return `moves[${i}].node ${String(node)} is not a node of the snapshot`;
    }
    if (bytes !== units.bytes[row])
      return `moves[${i}].bytes ${String(bytes)} is not the size of unit ${unit}`;
    if (!Number.isFinite(gainNs) || !Number.isFinite(costNs)) {
      return `moves[${i}] has a gainNs or costNs that is not finite`;
    }
    if (typeof reason !== 'string') return `moves[${i}].reason is not a string`;
  }
  return undefined;
}

function findNoteError({ notes }: Plan): string | undefined {
  if (notes === undefined) return undefined;
  if (typeof notes !== 'object' || notes === null) return 'plan.notes is not an object';
  for (const [name, value] of Object.entries(notes)) {
    // Infinity says something (no price is high enough), NaN nothing.
    if (typeof value !== 'number' || Number.isNaN(value)) return `plan.notes.${name} is no number`;
  }
  return undefined;
}

function findRefusalError({ refusals }: Plan, { tiers }: Snapshot): string | undefined {
  if (refusals === undefined) return undefined;
  if (!Array.isArray(refusals)) return 'plan.refusals is not an array';
  const isTier = (tier: unknown): boolean =>
    Number.isInteger(tier) && (tier as number) >= 0 && (tier as number) < tiers.length;
  for (const [i, refusal] of refusals.entries()) {
    if (typeof refusal !== 'object' || refusal === null) return `refusals[${i}] is not an object`;
    const { unit, from, to, why, gainNs, costNs } = refusal as Refusal;
    if (typeof unit !== 'number') return `refusals[${i}].unit is not a number`;
    if (!isTier(from) || !isTier(to)) return `refusals[${i}] is not between two tiers`;
    if (typeof why !== 'string') return `refusals[${i}].why is not a string`;
    if (!Number.isFinite(gainNs) || !Number.isFinite(costNs)) {
      return `refusals[${i}] has a gainNs or costNs that is not finite`;
    }
  }
  return undefined;
}
