/** Which of the kernel's hotness sources to use: the best that works for reads, for writes, and for files. */

import type { Limit } from '../tiers/tier.ts';
import type { HotnessProbe, HotnessSourceKind } from './hotness-binding.ts';

/** What a source is used for; of each, one source is at work. */
const rungs: readonly (readonly HotnessSourceKind[])[] = [
  ['damon', 'pmu', 'referenced'],
  ['write-protect'],
  ['page-cache'],
];

/** Every kind there is. */
export const hotnessSourceKinds: readonly HotnessSourceKind[] = rungs.flat();

/**
 * Writes that are told from reads are worth little to a policy, and dear: write protection takes huge pages apart, and a
 * program that reads a word of every page then takes 2.5 times as long (measured). So it is for whoever asks for it, or
 * has nothing else.
 */
const whyNoWrites =
  'would take huge pages apart; name it in tracking.sources to tell writes from reads';

/** The kinds that know which accesses were writes. */
const tellingWrites: readonly HotnessSourceKind[] = ['pmu', 'write-protect'];

/** A source that is not at work. */
export interface UnusedSource {
  readonly kind: HotnessSourceKind;
  readonly reason: string;
}

/** The sources at work and the others, as they fail and are replaced. */
export class HotnessLadder {
  readonly #probes: readonly HotnessProbe[];
  readonly #reasons: Map<HotnessSourceKind, string> = new Map();
  readonly #exactWrites: boolean;

  /**
   * `wanted`: the kinds that may be used; undefined for those that pay. `hasFiles`: whether there is a page cache to
   * look at.
   */
  constructor(
    probes: readonly HotnessProbe[],
    wanted: readonly HotnessSourceKind[] | undefined,
    hasFiles: boolean,
  ) {
    this.#probes = probes;
    this.#exactWrites = wanted !== undefined;
    for (const kind of hotnessSourceKinds) {
      const probe = probes.find((candidate) => candidate.kind === kind);
      if (probe === undefined) this.#reasons.set(kind, 'there is no native part here');
      else if (!probe.available) this.#reasons.set(kind, probe.detail);
      else if (wanted?.includes(kind) === false) this.#reasons.set(kind, 'not in tracking.sources');
      else if (kind === 'page-cache' && !hasFiles) this.#reasons.set(kind, 'no tier of files');
    }
  }

  /** The kinds to use now, one a rung at most. */
  chosen(): HotnessSourceKind[] {
    const best = rungs.flatMap((kinds) => kinds.filter((kind) => this.#works(kind)).slice(0, 1));
    const spared = !this.#exactWrites && best.some((kind) => this.#seesBoth(kind));
    return spared ? best.filter((kind) => kind !== 'write-protect') : best;
  }

  /** A source turned out not to work; the next one of its rung takes its place. */
  drop(kind: HotnessSourceKind, reason: string): void {
    this.#reasons.set(kind, reason);
  }

  /** Whether a chosen source sees reads: without one, what is only read looks cold. */
  get seesReads(): boolean {
    return this.chosen().some(
      (kind) => this.#probe(kind)?.seesReads === true && kind !== 'page-cache',
    );
  }

  /** Whether a source tells reads from writes; otherwise what it calls reads are both. */
  tellsWrites(kind: HotnessSourceKind): boolean {
    return tellingWrites.includes(kind);
  }

  /** What is not at work, and why. */
  unused(): UnusedSource[] {
    const chosen = this.chosen();
    return hotnessSourceKinds
      .filter((kind) => !chosen.includes(kind))
      .map((kind) => ({ kind, reason: this.#reasons.get(kind) ?? betterThan(kind) }));

    function betterThan(kind: HotnessSourceKind): string {
      const better = rungs
        .find((kinds) => kinds.includes(kind))
        ?.find((candidate) => chosen.includes(candidate));
      return better === undefined ? whyNoWrites : `${better} is used`;
    }
  }

  /** One limit when nothing sees reads, none otherwise. */
  limits(): Limit[] {
    if (this.seesReads) return [];
    const reasons = this.unused()
      .filter(({ kind }) => rungs[0].includes(kind))
      .map(({ kind, reason }) => `${kind}: ${reason}`);
    return [
      {
        what: 'Reads through the views of regions are not seen',
        reason: reasons.join('; '),
        hint: 'Report them with region.touch(); a region of which nothing is reported stays where it is.',
      },
    ];
  }

  #seesBoth(kind: HotnessSourceKind): boolean {
    const probe = this.#probe(kind);
    return rungs[0].includes(kind) && probe?.seesReads === true && probe.seesWrites;
  }

  #works(kind: HotnessSourceKind): boolean {
    return !this.#reasons.has(kind);
  }

  #probe(kind: HotnessSourceKind): HotnessProbe | undefined {
    return this.#probes.find((probe) => probe.kind === kind);
  }
}
