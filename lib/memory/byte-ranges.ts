/** Half-open runs of bytes, and what is left of one when others are taken out of it. */

/** Bytes `from` (included) to `to` (excluded). */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** The parts of `range` that lie in none of `holes`, in order. The holes may overlap and lie anywhere. */
export function outside(range: ByteRange, holes: readonly ByteRange[]): ByteRange[] {
  const parts: ByteRange[] = [];
  let { from } = range;
  for (const hole of holes.toSorted((a, b) => a.from - b.from)) {
    if (hole.to <= from || hole.from >= range.to) continue;
    if (hole.from > from) parts.push({ from, to: hole.from });
    from = hole.to;
  }
  if (from < range.to) parts.push({ from, to: range.to });
  return parts;
}

/** Bytes in all of `ranges`, which do not overlap. */
export function totalBytes(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}
