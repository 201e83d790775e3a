/**
 * When a unit was last used and how long it had been unused before, in one 32-bit word: 28 bits of the access clock in
 * steps of 16, from 1 on, and 4 bits of the gap. 0 is for a unit that nobody has used.
 */

const tickAccesses = 16;
const tickBits = 28;
const ticks: number = 2 ** tickBits - 1;

/** The word of a unit used at `clock`, after a gap of bin `gap` (see policy/use-class.ts). */
export function packLastUse(clock: number, gap: number): number {
  return ((gap << tickBits) | (1 + (Math.floor(clock / tickAccesses) % ticks))) >>> 0;
}

/**
 * Accesses since then; `Infinity` for a unit that nobody has used. After 4.3 billion accesses unused a unit looks young
 * again; its heat is not, and no class of use as young as that is as cold.
 */
export function idleAccesses(word: number, clock: number): number {
  if (word === 0) return Infinity;
  const now = Math.floor(clock / tickAccesses) % ticks;
  const then = (word & ticks) - 1;
  return ((now - then + ticks) % ticks) * tickAccesses;
}

/** Bin of the gap before that use. */
export function gapBefore(word: number): number {
  return word >>> tickBits;
}
