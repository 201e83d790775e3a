/** Numbers for people: those of the library, and those only the command line shows. */

export { formatNs, significant } from '../figures.ts';

/** A whole number with thousands separators. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A share of 1 as a percentage with one decimal, e.g. `34.1 %`. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
