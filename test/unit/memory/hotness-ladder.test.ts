import { describe, expect, it } from 'vitest';
import { HotnessLadder, hotnessSourceKinds } from '../../../lib/memory/hotness-ladder.ts';
import { probe } from '../../support/hotness.ts';

const all = hotnessSourceKinds.map((kind) => probe(kind));

describe('the ladder of hotness sources', () => {
  it('takes the best source of reads, and those of writes and files', () => {
    const ladder = new HotnessLadder(all, hotnessSourceKinds, true);
    expect(ladder.chosen()).toEqual(['damon', 'write-protect', 'page-cache']);
    expect(ladder.unused()).toEqual([
      { kind: 'pmu', reason: 'damon is used' },
      { kind: 'referenced', reason: 'damon is used' },
    ]);
    ladder.drop('damon', 'gone');
    expect(ladder.chosen()).toEqual(['pmu', 'write-protect', 'page-cache']);
    expect(ladder.unused()[0]).toEqual({ kind: 'damon', reason: 'gone' });
  });

  it('takes huge pages apart only for who asks for it, or has nothing else', () => {
    const ladder = new HotnessLadder(all, undefined, true);
    expect(ladder.chosen()).toEqual(['damon', 'page-cache']);
    const { reason } = ladder.unused().find(({ kind }) => kind === 'write-protect') ?? {};
    expect(reason).toContain('huge pages');
    for (const kind of ['damon', 'pmu', 'referenced'] as const) ladder.drop(kind, 'gone');
    expect(ladder.chosen()).toEqual(['write-protect', 'page-cache']);
  });

  it('says of every source why it is not used', () => {
    const probes = all
      .filter(({ kind }) => kind !== 'pmu')
      .map((each) => (each.kind === 'damon' ? probe('damon', false, 'only root may') : each));
    const ladder = new HotnessLadder(probes, ['damon', 'referenced', 'page-cache'], false);
    expect(ladder.chosen()).toEqual(['referenced']);
    expect(ladder.unused()).toEqual([
      { kind: 'damon', reason: 'only root may' },
      { kind: 'pmu', reason: 'there is no native part here' },
      { kind: 'write-protect', reason: 'not in tracking.sources' },
      { kind: 'page-cache', reason: 'no tier of files' },
    ]);
  });

  it('is a limit when no source sees reads, which names each reason', () => {
    expect(new HotnessLadder(all, hotnessSourceKinds, true).limits()).toEqual([]);
    // The page cache only tells what came from the drive.
    const ladder = new HotnessLadder(all, ['write-protect', 'page-cache'], true);
    expect(ladder.seesReads).toBe(false);
    const [limit, ...others] = ladder.limits();
    expect(others).toEqual([]);
    expect(limit.what).toContain('Reads');
    for (const kind of ['damon', 'pmu', 'referenced']) expect(limit.reason).toContain(kind);
    expect(limit.hint).toContain('touch');
  });
});
