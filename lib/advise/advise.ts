/** What-if sizing: which tiers, how large, for a target or a budget, and what else there is to choose from. */

import { invalidValue } from '../errors.ts';
import { type CostModel, defaultCosts } from '../policy/cost-model.ts';
import { type Candidate, CandidateSpace, type PricedTier } from './candidates.ts';
import { standardError } from './curve-error.ts';
import type { Demand } from './measure-demand.ts';
import { paretoFront, priceOfNs, thinned } from './pareto.ts';
import { PlacementModel } from './placement-model.ts';

/** Options of {@link advise}. */
export interface AdviseOptions {
  /** Tiers that may be bought, one to five, in order of preference. */
  readonly tiers: readonly PricedTier[];
  /** The cheapest that is at most this many times as slow as everything in the fastest tier. Default 1.05. */
  readonly slowdown?: number | undefined;
  /** Instead: the fastest with at most this bill a month. */
  readonly budget?: number | undefined;
  /** What the sizes are for: the workload is taken to be a small likeness of it. Default: its own footprint. */
  readonly footprintBytes?: number | undefined;
  /** Default: the costs of this library's own moves. */
  readonly costs?: CostModel | undefined;
}

/** Result of {@link advise}. All times are MODELLED. */
export interface Advice {
  readonly tiers: readonly PricedTier[];
  readonly target: { readonly slowdown: number } | { readonly budget: number };
  /** Bytes the sizes are for. */
  readonly footprintBytes: number;
  /** The tier in which everything would be fastest, and the average access there. */
  readonly fastestTier: number;
  readonly fastestNs: number;
  readonly chosen: Candidate;
  /** Standard error of `chosen.slowdown` by sampling; 0 when the workload was measured exactly. */
  readonly slowdownError: number;
  /** The least slow that saves another tenth of the bill, if any. */
  readonly cheaper: Candidate | undefined;
  /** The cheapest that halves what is above the fastest tier's time, if any. */
  readonly faster: Candidate | undefined;
  /** Everything in one tier, by tier. */
  readonly allIn: readonly Candidate[];
  /** What a nanosecond less on the average costs a month at the chosen point. */
  readonly nsPrice: number;
  /** No candidate is both cheaper and faster than one of these. Fastest first, at most about 250. */
  readonly front: readonly Candidate[];
  /** Candidates compared. */
  readonly candidates: number;
}

type Better = (candidate: Candidate, than: Candidate) => boolean;

interface Goal {
  readonly meets: (candidate: Candidate) => boolean;
  readonly better: Better;
}

function goalOf({ slowdown = 1.05, budget }: AdviseOptions): Goal {
  // Equal to rounding: all in the fastest tier meets a slow-down of 1.
  const limit = slowdown * (1 + 1e-9);
  return budget === undefined
    ? {
        meets: (candidate) => candidate.slowdown <= limit,
        better: (a, b) => a.bill < b.bill || (a.bill === b.bill && a.ns < b.ns),
      }
    : {
        meets: ({ bill }) => bill <= budget,
        better: (a, b) => a.ns < b.ns || (a.ns === b.ns && a.bill < b.bill),
      };
}

function best(candidates: readonly Candidate[], { meets, better }: Goal): Candidate | undefined {
  let found: Candidate | undefined;
  for (const candidate of candidates) {
    if (meets(candidate) && (found === undefined || better(candidate, found))) found = candidate;
  }
  return found;
}

/** The grid's best, then the best between its neighbours, ever nearer. */
function refine(space: CandidateSpace, goal: Goal, start: Candidate): Candidate[] {
  const tried = [start];
  let found = start;
  for (let ratio = 2 ** 0.5; ratio > 1.005; ratio = ratio ** 0.6) {
    const near = space.around(found, ratio);
    tried.push(...near);
    found = best([found, ...near], goal) ?? found;
  }
  return tried;
}

function check({ tiers, slowdown, budget, footprintBytes }: AdviseOptions): void {
  if (tiers.length < 1 || tiers.length > 5) throw invalidValue('tiers', 'one to five tiers', tiers);
  if (slowdown !== undefined && budget !== undefined) {
    throw invalidValue('budget', 'left out when there is a slowdown', budget);
  }
  if (slowdown !== undefined && !(slowdown >= 1 && slowdown < Number.POSITIVE_INFINITY)) {
    throw invalidValue('slowdown', 'at least 1', slowdown);
  }
  if (budget !== undefined && !(budget > 0)) {
    throw invalidValue('budget', 'a bill above 0', budget);
  }
  if (footprintBytes !== undefined && !(footprintBytes >= 1)) {
    throw invalidValue('footprintBytes', 'at least 1', footprintBytes);
  }
}

/**
 * Compares all sizes of the tiers on a grid, and finer ones around the best.
 *
 * @throws RangeError for options out of range, and for a budget below the cheapest candidate
 */
export function advise(demand: Demand, options: AdviseOptions): Advice {
  check(options);
  const { tiers, costs = defaultCosts, slowdown = 1.05, budget } = options;
  const footprintBytes = options.footprintBytes ?? demand.footprintBytes;
  const model = new PlacementModel(tiers, demand, demand.weight, costs);
  const scale = footprintBytes / demand.footprintBytes;
  const space = new CandidateSpace(tiers, model, demand.footprintBytes, scale);
  const grid = space.all();
  const goal = goalOf(options);
  const start = best(grid, goal);
  if (start === undefined) {
    const cheapest = Math.min(...grid.map(({ bill }) => bill));
    throw invalidValue('budget', `at least ${cheapest.toPrecision(4)}, the cheapest bill`, budget);
  }
  const candidates = [...grid, ...refine(space, goal, start)];
  const chosen = best(candidates, goal)!;
  const front = paretoFront(candidates);
  const allIn = tiers.map((_, tier) => space.allIn(tier));
  const excess = chosen.slowdown - 1;
  return {
    tiers,
    target: budget === undefined ? { slowdown } : { budget },
    footprintBytes,
    fastestTier: allIn.findIndex(({ ns }) => ns <= space.fastestNs * (1 + 1e-9)),
    fastestNs: space.fastestNs,
    chosen,
    slowdownError: standardError(
      demand.parts.map((part) => {
        const own = new PlacementModel(tiers, part, demand.weight, costs);
        return own.place(chosen.bounds).ns / Math.min(...tiers.map((_, tier) => own.allInNs(tier)));
      }),
    ),
    cheaper: front.find(({ bill }) => bill <= chosen.bill * 0.9),
    faster:
      excess > 1e-6
        ? front.findLast((point) => point.slowdown - 1 <= excess / 2 && point.bill > chosen.bill)
        : undefined,
    allIn,
    nsPrice: priceOfNs(front, chosen),
    front: thinned(front, 250, chosen),
    candidates: candidates.length,
  };
}
