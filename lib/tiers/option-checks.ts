/** Checks that options have in common. Each throws a TypeError or RangeError that names the option. */

import { invalidType, invalidValue } from '../errors.ts';

/** A plain object, to be looked into key by key. */
export function checkObject(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidType(name, 'an object', value);
  }
  return value as Record<string, unknown>;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The known word that `word` was probably meant to be. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    // `capacity` for `capacityBytes`: an abbreviation is nearer than any edit.
    const distance = lower.length > 2 && other.startsWith(lower) ? 1 : editDistance(lower, other);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Refuses keys that are not known, with a guess at what was meant. */
export function checkKeys(
  name: string,
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const guess = nearestWord(key, known);
    const hint = guess === undefined ? `one of ${known.join(', ')}` : `did you mean "${guess}"?`;
    throw invalidValue(`${name}.${key}`, `a known option (${hint})`, value[key]);
  }
}

/** One of a few words. */
export function checkOneOf<T extends string>(name: string, value: unknown, words: readonly T[]): T {
  const list = words.join(', ');
  if (typeof value !== 'string') throw invalidType(name, `one of ${list}`, value);
  if (!(words as readonly string[]).includes(value)) {
    const guess = nearestWord(value, words);
    const hint = guess === undefined ? '' : ` (did you mean "${guess}"?)`;
    throw invalidValue(name, `one of ${list}${hint}`, value);
  }
  return value as T;
}

/** A path: a string that is neither empty nor cut short by a NUL byte. */
export function checkPath(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalidType(name, 'a path', value);
  if (value === '' || value.includes('\0')) {
    throw invalidValue(name, 'a path without NUL bytes', value);
  }
  return value;
}
