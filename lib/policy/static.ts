/**
 * `static`: what the caller asks for, else the fastest tier with room beside its head-room; nothing is ever moved.
 *
 * Not the same as `first-touch`, which fills tiers to the brim: here what the caller asks for by hint still finds
 * room in a tier that unhinted units have filled.
 */

import { hintAllows } from './admission.ts';
import type { Plan, Policy } from './policy.ts';

/** Makes the policy that never moves anything. */
export function staticPolicy(): Policy {
  return {
    name: 'static',
    usesUnits: false,
    halfLifeAccesses: () => Infinity,
    admits: hintAllows,
    plan: (): Plan => ({ moves: [], thresholdsLog2: [], refused: {} }),
  };
}
