/** An explanation in a line. */

import { formatNs, significant } from '../figures.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import type { UnitExplanation } from './explain-plan.ts';

/** What the words mean that need more than the figures. */
const meanings: Readonly<Record<string, string>> = {
  dwell: 'moved not long ago',
  room: 'nothing there would make room for it',
  budget: 'no more may be moved now',
  endurance: 'its drive would wear out too soon',
  payback: 'moves to faster tiers have brought less than they took lately, and few are tried',
  shared: 'several nodes use it, none mostly',
  load: 'that tier answers late under its load',
  fastest: 'there is no faster tier',
  unwanted: 'the policy asks for no move',
  failed: 'the policy failed',
  leased: 'a lease, a pin or its owner holds it',
  damaged: 'a part of it is damaged',
  untracked: 'nothing is known of its accesses',
};

/** The line; figures that decide nothing are left out. */
export function explanationText(facts: Omit<UnitExplanation, 'text'>): string {
  const { decision, tier, to, toNode, why, dwellAccesses } = facts;
  if (decision === 'move') {
    const on = toNode === undefined ? '' : ` on node ${toNode}`;
    return `${figures(facts).join(', ')}: to ${to}${on} (${why})`;
  }
  const { writeLimit } = facts;
  const meaning =
    writeLimit === undefined
      ? meanings[why]
      : `no more than ${formatBytes(Math.floor(writeLimit.bytes))} may be written to ${writeLimit.tier} now, so that its drive lasts`;
  const dwell =
    why === 'dwell' && dwellAccesses > 0
      ? `, free in ${Math.ceil(dwellAccesses).toLocaleString('en-US')} accesses`
      : '';
  const head = `stays in ${tier} (${why}${dwell})`;
  const rest = [...(meaning === undefined ? [] : [meaning]), ...figures(facts)];
  return `${head}: ${rest.join(', ')}`;
}

function figures(facts: Omit<UnitExplanation, 'text'>): string[] {
  const { decision, why, to, heat, threshold, gainNs, costNs } = facts;
  const rate = facts.heatPerSecond;
  const needed = rate === undefined ? threshold : facts.thresholdPerSecond;
  const unit = rate === undefined ? '' : '/s';
  const [mostly] = facts.usedFrom ?? [];
  const from = mostly && ` (${Math.round(100 * mostly.share)} % from node ${mostly.node})`;
  const parts = [`heat ${heatText(rate ?? heat)}${unit}${from ?? ''}`];
  if (needed !== undefined && needed > 0) parts.push(`threshold ${heatText(needed)}${unit}`);
  if (to === undefined) return parts;
  const cost = `cost ${formatNs(costNs)}`;
  // A policy that predicts nothing says 0, and it decided nothing.
  if (decision === 'move' && gainNs === 0) return [...parts, cost];
  const gain = `gain ${formatNs(gainNs)}`;
  if (gainNs <= costNs) {
    parts.push(decision === 'move' ? `${gain}, ${cost}` : `${gain} < ${cost}`);
    return parts;
  }
  parts.push(`${gain} > ${cost}`);
  // Victims have their price, and what a policy expects is not sure.
  if (why === 'benefit') parts.push('but not by enough');
  return parts;
}

/** Heat fades without end; below a hundredth of an access it is none. */
function heatText(heat: number): string {
  return heat < 0.01 ? '0' : significant(heat);
}
