/** Shares by weight, in whole parts, and the order in which they are dealt out. Pure. */

/**
 * `total` parts by weight, to the last part: each gets its quota rounded down, and those with the largest remainders
 * one more. Nobody gets more than its `rooms`; what that leaves goes to the others by their weights. Undefined when
 * there is not room for all. REQUIRES: weights are finite and not negative, one is positive; `total` is whole.
 */
export function interleaveShares(
  total: number,
  weights: readonly number[],
  rooms: readonly number[] = weights.map(() => Number.POSITIVE_INFINITY),
): number[] | undefined {
  const shares = weights.map(() => 0);
  let open = weights.flatMap((weight, i) => (weight > 0 ? [i] : []));
  let left = total;
  // Whoever is full keeps what it has, and the others share the rest anew: at most once for each of them.
  for (;;) {
    const sum = open.reduce((all, i) => all + weights[i]!, 0);
    const quota = (i: number): number => (left * weights[i]!) / sum;
    const full = open.filter((i) => quota(i) > rooms[i]!);
    if (full.length === 0) break;
    for (const i of full) {
      shares[i] = Math.floor(rooms[i]!);
      left -= shares[i]!;
    }
    open = open.filter((i) => !full.includes(i));
    if (open.length === 0) return left === 0 ? shares : undefined;
  }
  const sum = open.reduce((all, i) => all + weights[i]!, 0);
  const remainder = new Map<number, number>();
  let given = 0;
  for (const i of open) {
    const quota = (left * weights[i]!) / sum;
    shares[i] = Math.floor(quota);
    given += shares[i]!;
    remainder.set(i, quota - shares[i]!);
  }
  const byRemainder = open.toSorted((a, b) => remainder.get(b)! - remainder.get(a)! || a - b);
  for (const i of byRemainder) {
    if (given === left) break;
    if (shares[i]! + 1 > rooms[i]!) continue;
    shares[i]!++;
    given++;
  }
  return given === left ? shares : undefined;
}

/**
 * The order of all parts: at each step whoever is furthest behind its share gets the next `run` parts, or what is left
 * of its own. So every stretch has about the shares of the whole, and the whole has them exactly.
 */
export function interleaveOrder(shares: readonly number[], run = 1): Uint32Array {
  const total = shares.reduce((sum, share) => sum + share, 0);
  const order = new Uint32Array(total);
  const given = shares.map(() => 0);
  for (let at = 0; at < total; ) {
    let next = -1;
    let furthest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < shares.length; i++) {
      if (given[i] === shares[i]) continue;
      const behind = shares[i]! * Math.min(total, at + run) - given[i]! * total;
      if (behind <= furthest) continue;
      furthest = behind;
      next = i;
    }
    const parts = Math.min(run, shares[next]! - given[next]!);
    order.fill(next, at, at + parts);
    given[next]! += parts;
    at += parts;
  }
  return order;
}
