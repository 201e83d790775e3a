/**
 * `first-touch`: a new unit goes to the fastest tier that can take it, to the last byte, and stays there. What an
 * operating system does that knows nothing of heat; a tier hint is a lower bound, as everywhere.
 *
 * Not the same as `static`, which keeps the head-room of each tier for units whose tier the caller names.
 */

import { fitsAt } from './admission.ts';
import type { Plan, Policy } from './policy.ts';

/** Makes the policy that fills tiers from the top and never moves anything. */
export function firstTouchPolicy(): Policy {
  return {
    name: 'first-touch',
    usesUnits: false,
    halfLifeAccesses: () => Infinity,
    admits: fitsAt,
    plan: (): Plan => ({ moves: [], thresholdsLog2: [], refused: {} }),
  };
}
