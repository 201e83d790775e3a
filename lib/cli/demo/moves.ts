/** What was moved and why, in groups small enough to read. */

import type { OptimizeReport } from '../../migration/engine-stats.ts';
import type { MoveReason } from '../../policy/policy.ts';

/** Moves of one reason between two tiers. */
export interface MoveGroup {
  readonly from: string;
  readonly to: string;
  readonly reason: MoveReason;
  readonly moves: number;
  readonly bytes: number;
  /** Sum of the modelled gains; negative where room was made. */
  readonly gainNs: number;
  /** Objects that went this way and how often they had been read: most read first for promotions, least for demotions. */
  readonly examples: readonly { readonly key: string; readonly reads: number }[];
}

/** In words, for the table. */
export const reasonTexts: Readonly<Record<MoveReason, string>> = {
  hot: 'hotter than what was there',
  victim: 'makes room for hotter data',
  cold: 'colder than the tier deserves',
  room: 'keeps room free',
  recent: 'used more recently',
  load: 'the faster tier is overloaded',
  near: 'used mostly from another node',
  hint: 'the program asked for it',
};

/** Where objects were and are, and how often they were read in between. */
export interface Displacement {
  readonly keys: readonly string[];
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly reads: Uint32Array;
}

const examplesPerGroup = 2;

function examplesOf(
  { keys, before, after, reads }: Displacement,
  from: number,
  to: number,
): MoveGroup['examples'] {
  // Which objects changed their node is not written down.
  if (to === from) return [];
  const sign = to < from ? -1 : 1;
  return keys
    .map((key, object) => ({ key, object, reads: reads[object] }))
    .filter(({ object }) => before[object] === from && after[object] === to)
    .sort((a, b) => sign * (a.reads - b.reads) || a.object - b.object)
    .slice(0, examplesPerGroup)
    .map(({ key, reads: count }) => ({ key, reads: count }));
}

/** Groups the applied moves of a report, largest group first. */
export function groupMoves(
  report: OptimizeReport,
  tierNames: readonly string[],
  displacement: Displacement,
): MoveGroup[] {
  const groups = new Map<
    string,
    { from: number; to: number; reason: MoveReason; moves: number; bytes: number; gainNs: number }
  >();
  for (const { from, to, reason, bytes, gainNs, outcome } of report.moves) {
    if (outcome !== 'moved') continue;
    const name = `${from}>${to}:${reason}`;
    const group = groups.get(name) ?? { from, to, reason, moves: 0, bytes: 0, gainNs: 0 };
    group.moves++;
    group.bytes += bytes;
    group.gainNs += gainNs;
    groups.set(name, group);
  }
  return [...groups.values()]
    .sort((a, b) => b.moves - a.moves)
    .map(({ from, to, ...rest }) => ({
      ...rest,
      from: tierNames[from],
      to: tierNames[to],
      examples: examplesOf(displacement, from, to),
    }));
}
