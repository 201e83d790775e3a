/** A range of blocks as one word of 32 bits, which other threads see change as a whole. Pure. */

/** A range of blocks without any. */
export const noBlocks = 0xffff;

/** A range of blocks as one word, so that it is seen whole. A region has 65,536 blocks at most. */
export function packBlocks(first: number, last: number): number {
  return (last << 16) | first;
}

/** First block of a packed range. */
export function firstBlock(range: number): number {
  return range & 0xffff;
}

/** Last block of a packed range. */
export function lastBlock(range: number): number {
  return range >>> 16;
}

/** Whether two packed ranges have a block in common. */
export function overlap(a: number, b: number): boolean {
  if (a === noBlocks || b === noBlocks) return false;
  return firstBlock(a) <= lastBlock(b) && firstBlock(b) <= lastBlock(a);
}

/** The smallest packed range that has all blocks of both. */
export function mergeBlocks(a: number, b: number): number {
  if (a === noBlocks) return b;
  if (b === noBlocks) return a;
  return packBlocks(Math.min(firstBlock(a), firstBlock(b)), Math.max(lastBlock(a), lastBlock(b)));
}
