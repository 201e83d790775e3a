import { describe, expect, it } from 'vitest';
import { type ReadAhead, StreamDetector } from '../../../lib/tracking/access-pattern.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Feeds accesses of `byteLength` at the offsets; what was answered to each. */
function feed(
  detector: StreamDetector,
  offsets: readonly number[],
  byteLength: number,
): (ReadAhead | undefined)[] {
  return offsets.map((offset) => detector.access(offset, byteLength));
}

function steps(count: number, stride: number, start = 0): number[] {
  return Array.from({ length: count }, (_, i) => start + i * stride);
}

describe('the stream detector', () => {
  it('reads on from the third access in order, 128 KiB at first', () => {
    const answers = feed(new StreamDetector(), steps(3, 4 * KiB, MiB), 4 * KiB);
    expect(answers).toEqual([
      undefined,
      undefined,
      { offset: MiB + 12 * KiB, byteLength: 128 * KiB, stride: 128 * KiB, pieces: 1 },
    ]);
  });

  it('leaves no hole and reads nothing twice', () => {
    const detector = new StreamDetector();
    let covered = 3 * 64 * KiB;
    for (const answer of feed(detector, steps(500, 64 * KiB), 64 * KiB)) {
      if (answer === undefined) continue;
      expect(answer.offset).toBe(covered);
      covered += answer.byteLength;
    }
    expect(covered).toBeGreaterThan(500 * 64 * KiB);
    expect(covered).toBeLessThanOrEqual(500 * 64 * KiB + 8 * MiB);
    expect(detector.found).toBe(1);
  });

  it('doubles the window up to the largest while the stream goes on', () => {
    const detector = new StreamDetector({ maxWindowBytes: MiB });
    let end = 0;
    const windows = new Set<number>();
    for (let offset = 0; offset < 8 * MiB; offset += 32 * KiB) {
      const answer = detector.access(offset, 32 * KiB);
      if (answer === undefined) continue;
      end = answer.offset + answer.byteLength;
      windows.add(end - offset - 32 * KiB);
    }
    expect([...windows]).toEqual([128 * KiB, 256 * KiB, 512 * KiB, MiB]);
  });

  it('follows a stream that goes backwards', () => {
    const offsets = steps(6, -64 * KiB, 10 * MiB);
    const [, , third, ...rest] = feed(new StreamDetector(), offsets, 64 * KiB);
    const at = 10 * MiB - 128 * KiB;
    expect(third).toEqual({
      offset: at - 128 * KiB,
      byteLength: 128 * KiB,
      stride: -128 * KiB,
      pieces: 1,
    });
    expect(rest.find((answer) => answer !== undefined)?.offset).toBeLessThan(at - 128 * KiB);
  });

  it('reads only the pieces of a wide stride, from the fourth access on', () => {
    for (const stride of [MiB, -MiB]) {
      const offsets = steps(6, stride, 64 * MiB);
      const answers = feed(new StreamDetector(), offsets, 4 * KiB);
      expect(answers.slice(0, 3)).toEqual([undefined, undefined, undefined]);
      expect(answers[3]).toEqual({
        offset: 64 * MiB + 4 * stride,
        byteLength: 4 * KiB,
        stride,
        pieces: 4,
      });
      const next = answers.slice(4).find((answer) => answer !== undefined);
      expect(next?.offset).toBe(64 * MiB + 8 * stride);
    }
  });

  it('sees accesses that overlap as in order, and no strides when told so', () => {
    const detector = new StreamDetector({ strides: false });
    feed(detector, steps(20, MiB), 4 * KiB);
    expect(detector.found).toBe(0);
    for (const stride of [4 * KiB, -4 * KiB]) {
      const [, , third] = feed(detector, steps(3, stride, 900 * MiB + 10 * stride), 8 * KiB);
      expect(third).toMatchObject({ byteLength: 128 * KiB, pieces: 1 });
    }
    expect(detector.found).toBe(2);
  });

  it('reads the holes of a narrow stride along', () => {
    const answers = feed(new StreamDetector(), steps(4, 12 * KiB), 4 * KiB);
    expect(answers[3]).toMatchObject({ offset: 40 * KiB, byteLength: 128 * KiB, pieces: 1 });
  });

  it('goes on over a gap', () => {
    const detector = new StreamDetector();
    feed(detector, steps(200, 64 * KiB), 64 * KiB);
    const after = feed(detector, steps(200, 64 * KiB, 201 * 64 * KiB), 64 * KiB);
    expect(detector.found).toBe(1);
    expect(after.some((answer) => (answer?.byteLength ?? 0) > MiB)).toBe(true);
  });

  it('begins small again where a stream breaks, or has too many gaps', () => {
    const gaps = steps(4, 3 * 64 * KiB, 201 * 64 * KiB);
    for (const [between, next] of [
      [[], 400 * MiB],
      [gaps, 300 * 64 * KiB],
    ] as const) {
      const detector = new StreamDetector();
      feed(detector, steps(200, 64 * KiB), 64 * KiB);
      feed(detector, between, 64 * KiB);
      const [, , third] = feed(detector, steps(3, 64 * KiB, next), 64 * KiB);
      expect(third).toMatchObject({ offset: next + 3 * 64 * KiB, byteLength: 128 * KiB });
      expect(detector.found).toBe(2);
    }
  });

  it('takes the same access again and again for one', () => {
    const detector = new StreamDetector();
    expect(feed(detector, new Array(100).fill(MiB), 4 * KiB).every((a) => a === undefined)).toBe(
      true,
    );
    feed(detector, steps(3, 4 * KiB), 4 * KiB);
    expect(detector.access(8 * KiB, 4 * KiB)).toBeUndefined();
    expect(detector.found).toBe(1);
  });

  it('asks for no more than there is room for, and catches up later', () => {
    const detector = new StreamDetector();
    feed(detector, steps(2, 64 * KiB), 64 * KiB);
    expect(detector.access(128 * KiB, 64 * KiB, 0)).toBeUndefined();
    expect(detector.access(192 * KiB, 64 * KiB, 40 * KiB)).toMatchObject({
      offset: 256 * KiB,
      byteLength: 40 * KiB,
    });
    expect(detector.access(256 * KiB, 64 * KiB)).toMatchObject({ offset: 320 * KiB });
  });

  it('tells eight interleaved streams apart when it knows them', () => {
    const detector = new StreamDetector();
    for (let s = 0; s < 8; s++) feed(detector, steps(3, 16 * KiB, s * 100 * MiB), 16 * KiB);
    expect(detector.found).toBe(8);
    for (let i = 3; i < 200; i++) {
      for (let s = 0; s < 8; s++) detector.access(s * 100 * MiB + i * 16 * KiB, 16 * KiB);
    }
    expect(detector.found).toBe(8);
  });

  it('forgets the stream that was quiet longest for a new one', () => {
    const detector = new StreamDetector({ streams: 2 });
    for (let s = 0; s < 3; s++) feed(detector, steps(3, 16 * KiB, s * 100 * MiB), 16 * KiB);
    expect(detector.found).toBe(3);
    const [oldest, second, newest] = [0, 1, 2].map((stream) =>
      detector.access(stream * 100 * MiB + 48 * KiB, 16 * KiB),
    );
    expect(oldest).toBeUndefined();
    expect(second).toBeDefined();
    expect(newest).toBeDefined();
    expect(detector.found).toBe(3);
  });
});
