/** What the longer operations of a memory report. */

import type { CheckpointSize } from './checkpoint/write-checkpoint.ts';
import type { UnitExplanation } from './explain/explain-plan.ts';
import type { DamagedUnit } from './memory/damage-book.ts';
import type { KnownPattern } from './memory/region-patterns.ts';
import type { ScrubProgress } from './memory/scrub.ts';

/** What {@link TieredMemory.checkpoint} wrote. */
export interface CheckpointReport extends CheckpointSize {
  /** What was damaged and left out. */
  readonly damaged: readonly DamagedUnit[];
}

/** What {@link TieredMemory.explain} found out. */
export interface Explanation {
  /** Name of the policy that was asked. */
  readonly policy: string;
  /** One for a small value, one for each 2 MiB of a large one or a region, in the order of their addresses. */
  readonly units: readonly UnitExplanation[];
  /** How the data is used, as far as that was declared (`allocate`) or seen; of a small value as of the last plan. */
  readonly pattern: KnownPattern | undefined;
  /** A line for each unit, and one for the pattern. */
  readonly text: string;
}

/** What {@link TieredMemory.verify} did. */
export interface VerifyReport extends Readonly<ScrubProgress> {
  /** Everything damaged now, including what was lost and known before. */
  readonly damaged: readonly DamagedUnit[];
  /** The signal ended it before everything was checked. */
  readonly aborted: boolean;
}

/** What {@link TieredMemory.restore} stored. */
export interface RestoreReport {
  readonly objects: number;
  /** Bytes of the data. */
  readonly bytes: number;
}
