/** A probe that answers from tables instead of asking the running system. */

import { TierError } from '../../../lib/errors.ts';
import type { DirectoryFacts } from '../../../lib/tiers/directory-probe.ts';
import type { TierProbe } from '../../../lib/tiers/tier-probe.ts';

export interface FakeProbe {
  readonly directories?: Readonly<Record<string, Partial<DirectoryFacts>>>;
  readonly writable?: boolean;
  readonly memoryBytes?: number;
  readonly environment?: TierProbe['environment'];
}

export function fakeProbe({
  directories = {},
  writable = true,
  memoryBytes = 8 * 2 ** 30,
  environment = {},
}: FakeProbe = {}): TierProbe {
  return {
    directory: (path) => {
      const facts = directories[path];
      if (facts === undefined) {
        throw new TierError('ERR_TIER_UNAVAILABLE', `The tier directory "${path}" cannot be used`);
      }
      return {
        path,
        medium: 'unknown',
        fsType: 'ext4',
        freeBytes: 100 * 2 ** 30,
        totalBytes: 200 * 2 ** 30,
        block: null,
        mount: null,
        ...facts,
      };
    },
    writable: () => writable,
    temporaryDirectory: '/tmp',
    memoryBytes,
    environment,
  };
}
