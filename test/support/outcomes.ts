/** What became of an action: the code of what it threw, or a condition that comes true some time later. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { TierError } from '../../lib/errors.ts';

/** The code of whatever `action` throws. */
export function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

/** The code of what `action` throws; it fails the test when that is not a `TierError`. */
export function tierCodeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TierError);
    return (error as TierError).code;
  }
  return 'nothing was thrown';
}

/** Waits for up to ten seconds until `condition` holds. */
export async function settle(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}
