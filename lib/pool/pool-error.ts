/** Errors of a pool: what the core says, with what can be done about it. */

import { refusedValue, TierError } from '../errors.ts';

/** By what the core says; the first that fits. */
const hints: readonly (readonly [RegExp, string])[] = [
  [
    /holds too many objects/,
    'Dispose leases and regions sooner, or create the pool with a larger `maxHeld`.',
  ],
  [
    /directory is full/,
    'The pool has as many keys as it was made for; create it with a larger `maxObjects`.',
  ],
  [
    /members of the pool are alive/,
    'Close pools that are not needed, or create the pool with a larger `maxMembers`.',
  ],
  [/this member holds objects/, 'Dispose leases and regions first.'],
  [/quota/, 'Delete what this member has put, or open the pool with a larger `quotaBytes`.'],
  [/second copy/, 'Add a device of another failure domain, or delete something.'],
  [
    /there is a pool already/,
    'Open it with `create: false`, or destroy it first (`memory-tiers pool destroy`).',
  ],
  [
    /something that is not a pool/,
    'Name another file, or create the pool with `overwrite: true` if what is there may go.',
  ],
  [
    /creation was interrupted/,
    'Nothing was in it yet: create it again with `create: true, overwrite: true`.',
  ],
  [
    /something else than a pool/,
    'Check the path; `create: true, overwrite: true` makes it a pool.',
  ],
  [/there is no pool here/, "Check the path, or open it with `create: 'if-missing'`."],
  [/declared dead/, 'Others have taken over what this member had. Open the pool anew.'],
  [/was made anew|pool is gone/, 'Somebody destroyed the pool. Open it anew.'],
  [
    /open to be read only/,
    'Open it without `readOnly`; with software coherence only one host writes (`claimWriter`).',
  ],
  [/version|feature/, 'It was made by another version of memory-tiers; open it with that one.'],
  [
    /superblock|cut off|no device has a table/,
    'Restore the device, or `memory-tiers pool repair`; what cannot be read is lost.',
  ],
  [
    /value of the pool is damaged/,
    'Put it again, or delete the key. `check()` finds what else is damaged; `replicas: 2` keeps a copy.',
  ],
  [
    /member \d+ of the pool is alive|other members/,
    'Close the pool in the other processes; `members()` names them.',
  ],
  [/lock file/, 'All members of a host must name the same `lockPath` and the same device node.'],
  [
    /nobody named it|device \d+ of the pool/,
    'Name all devices, or go on without one: `missingDevices`.',
  ],
];

/** What usually helps, by code. */
const usualHints: Partial<Record<TierError['code'], string>> = {
  ERR_TIER_FULL: 'Delete something, or add a device (`addDevice`).',
  ERR_TIER_UNAVAILABLE:
    "Check the path; a pool is made where there is none with `create: 'if-missing'`.",
  ERR_TIER_BUSY: 'Try again; a member that is stopped can keep others waiting (see `patienceMs`).',
  ERR_TIER_NO_PERMISSION:
    'The process needs read and write access to the device and its lock file.',
  ERR_TIER_LOST: '`check()` tells what is damaged, `repair()` mends the rest.',
};

function sentence(text: string): string {
  // A path stays as it is.
  const first = /^[a-z][a-z']* /.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
  return /[.!?)]$/.test(first) ? first : `${first}.`;
}

/**
 * The error as users see it; what is no {@link TierError} of the core's stays as it is. What the core refuses as an
 * argument is a RangeError: only the core knows what the key has, or how large devices are.
 */
export function poolError(error: unknown): unknown {
  if (!(error instanceof TierError) || error.hint !== undefined) return error;
  const { message, syscall, errno } = error;
  if (error.code === 'ERR_TIER_INVALID') {
    return refusedValue(sentence(message), { cause: error });
  }
  const hint = hints.find(([said]) => said.test(message))?.[1] ?? usualHints[error.code];
  return new TierError(error.code, sentence(message), { hint, syscall, errno, cause: error });
}

/** Throws what `call` throws as users see it. */
export function orPoolError<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw poolError(error);
  }
}

/** Rejects with what `promise` rejects with, as users see it. */
export async function withPoolError<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw poolError(error);
  }
}
