/**
 * Whether a copy of a block pays for a node. Pure: one word for each block and node.
 *
 * Nobody knows how long a block will not be written, so it is the question of renting or buying: a node reads from
 * afar until a copy would have saved what it costs, and then makes it, which is never more than twice as dear as
 * knowing. Each write begins it anew, so a block that is written often is not copied. Where copies were made and
 * written off before they had paid, the next has to be worth twice as much.
 */

/**
 * What copying a block costs. The unit is a quarter of a cache line copied from afar, some 4 ns.
 */
export const blockCost = 4096;

const creditBits = 20;
const creditMask = (1 << creditBits) - 1;
const reluctanceMask = 0xf;
const maxReluctance = 6;
const tagShift = 24;

/** What a read of so many bytes would have saved: a miss in all (60 ns), and a quarter of each further line. */
export function readBenefit(bytes: number): number {
  return 16 + Math.ceil(bytes / 64);
}

function make(tag: number, reluctance: number, credit: number): number {
  return (tag << tagShift) | (reluctance << creditBits) | Math.min(credit, creditMask);
}

/** Tells versions apart as long as fewer than 256 lie between them, which is enough for a guess. */
function tagOf(version: number): number {
  return (version >>> 1) & 0xff;
}

/** How often, in powers of two, the cost has to come in before the block is copied. */
export function reluctance(word: number): number {
  return (word >>> creditBits) & reluctanceMask;
}

/** Whether nothing was noted of a block since it was written. */
export function isOutdated(word: number, version: number): boolean {
  return word >>> tagShift !== tagOf(version);
}

/** After a write was noticed. `copied`: there was a copy, which the write made useless. */
export function afterWrite(word: number, version: number, copied: boolean): number {
  const paid = (word & creditMask) >= blockCost;
  const change = copied ? (paid ? -1 : 1) : 0;
  const next = Math.min(maxReluctance, Math.max(0, reluctance(word) + change));
  return make(tagOf(version), next, 0);
}

/** After a copy was made. */
export function afterCopy(word: number, version: number): number {
  return make(tagOf(version), reluctance(word), 0);
}

/** After a read, from afar or of the copy, that a copy saves or has saved. */
export function afterRead(word: number, benefit: number): number {
  return make(word >>> tagShift, reluctance(word), (word & creditMask) + benefit);
}

/** Whether the block is to be copied now. */
export function isWorthCopy(word: number): boolean {
  return (word & creditMask) >= blockCost << reluctance(word);
}

/** Whether a copy has brought in what it cost. There is no need to count on. */
export function hasPaid(word: number): boolean {
  return (word & creditMask) >= blockCost;
}

/** What a node's copy as a whole has to be worth before it gets memory: an eighth of its blocks, once each. */
export function copyNeed(blocks: number): number {
  return Math.max(blockCost, Math.ceil((blocks * blockCost) / 8));
}
