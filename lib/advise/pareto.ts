/** What nobody would refuse: candidates that are not both dearer and slower than another. */

/** Something with a price and a time. */
export interface PricedTime {
  readonly bill: number;
  readonly ns: number;
}

/** The Pareto front, fastest and dearest first; of equals the first. */
export function paretoFront<T extends PricedTime>(candidates: readonly T[]): T[] {
  const front: T[] = [];
  let cheapest = Number.POSITIVE_INFINITY;
  for (const candidate of [...candidates].sort((a, b) => a.ns - b.ns || a.bill - b.bill)) {
    if (candidate.bill >= cheapest) continue;
    cheapest = candidate.bill;
    front.push(candidate);
  }
  return front;
}

/** A front with at most about `count` points, in equal steps of the bill; both ends and `keep` stay. */
export function thinned<T extends PricedTime>(front: readonly T[], count: number, keep: T): T[] {
  if (front.length <= count) return [...front];
  const step = (front[0].bill - front[front.length - 1].bill) / count;
  let next = front[0].bill;
  return front.filter((point, index) => {
    if (point !== keep && index < front.length - 1 && point.bill > next) return false;
    next = Math.min(next, point.bill) - step;
    return true;
  });
}

/**
 * What a nanosecond off the average costs a month at a point of a front: the slope of the front's lower convex hull
 * there, towards faster; at the fast end, towards slower. Between two points of the hull a mix of both would cost as
 * much, so single steps of the grid do not show. 0 for a front of one point.
 */
export function priceOfNs(front: readonly PricedTime[], at: PricedTime): number {
  const hull: PricedTime[] = [];
  for (const point of front) {
    while (
      hull.length > 1 &&
      slope(hull[hull.length - 2], point) >= slope(hull[hull.length - 2], hull[hull.length - 1])
    ) {
      hull.pop();
    }
    hull.push(point);
  }
  if (hull.length < 2) return 0;
  const end = hull.findIndex(({ ns }) => ns >= at.ns);
  const slower = end < 0 ? hull.length - 1 : Math.max(1, end);
  return slope(hull[slower - 1], hull[slower]);
}

/** Bill saved for each nanosecond from a faster point to a slower one. */
function slope(faster: PricedTime, slower: PricedTime): number {
  return (faster.bill - slower.bill) / (slower.ns - faster.ns);
}
