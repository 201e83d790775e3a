/** Hashes every move an engine tries and how it ended, so that two runs can be compared move by move. */

import { createHash } from 'node:crypto';
import type { MoveRecord } from '../migration/engine-stats.ts';

/** A digest in the making. */
export interface MoveDigest {
  /** For the engine's `onMove`. */
  readonly onMove: (move: MoveRecord) => void;
  /** SHA-256 over unit, origin, target, reason and outcome of every move so far, in order, as hex. */
  readonly digest: () => string;
}

/** Starts one. */
export function digestMoves(): MoveDigest {
  const hash = createHash('sha256');
  return {
    onMove: ({ unit, from, to, reason, outcome }) => {
      hash.update(`${unit}:${from}>${to}:${reason}:${outcome}\n`);
    },
    digest: () => hash.copy().digest('hex'),
  };
}
