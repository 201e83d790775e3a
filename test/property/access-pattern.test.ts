import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamDetector } from '../../lib/tracking/access-pattern.ts';

const pageBytes = 4096;

interface Access {
  readonly offset: number;
  readonly byteLength: number;
}

/** What reading ahead would have been worth: in pages, of those read ahead and of those accessed. */
function judge(accesses: readonly Access[]) {
  const detector = new StreamDetector();
  const ahead = new Set<number>();
  const accessed = new Set<number>();
  let inTime = 0;
  for (const { offset, byteLength } of accesses) {
    const first = Math.floor(offset / pageBytes);
    const end = Math.ceil((offset + byteLength) / pageBytes);
    for (let page = first; page < end; page++) {
      if (accessed.has(page)) continue;
      accessed.add(page);
      if (ahead.has(page)) inTime++;
    }
    const next = detector.access(offset, byteLength);
    if (next === undefined) continue;
    for (let i = 0; i < next.pieces; i++) {
      const from = next.offset + i * next.stride;
      const to = from + next.byteLength;
      for (let page = Math.floor(from / pageBytes); page * pageBytes < to; page++) ahead.add(page);
    }
  }
  return {
    /** Share of the accessed pages that were read ahead. */
    recall: inTime / accessed.size,
    /** Share of the pages read ahead that were accessed. */
    precision: inTime / ahead.size,
    /** Pages read ahead for one that was accessed. */
    issued: ahead.size / accessed.size,
  };
}

/** Steps of one stream. */
function stream(start: number, stride: number, byteLength: number, count: number): Access[] {
  return Array.from({ length: count }, (_, i) => ({ offset: start + i * stride, byteLength }));
}

function interleaved(streams: readonly Access[][]): Access[] {
  return streams[0].flatMap((_, i) => streams.map((each) => each[i]));
}

const pages = fc.integer({ min: 1, max: 16 });
const seed = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** Numbers in [0, 1) that are the same each time (Marsaglia's xorshift32). */
function random(start: number): () => number {
  let x = start;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

describe('reading ahead', () => {
  it('covers nearly all of a stream in order, forwards or backwards', () => {
    fc.assert(
      fc.property(pages, fc.boolean(), (length, backwards) => {
        const byteLength = length * pageBytes;
        // A stream ends at most 8 MiB before what was read for it.
        const accesses = stream(0, byteLength, byteLength, (64 * 2 ** 20) / byteLength);
        const { recall, precision } = judge(backwards ? accesses.reverse() : accesses);
        expect(recall).toBeGreaterThan(0.99);
        expect(precision).toBeGreaterThan(0.85);
      }),
      { numRuns: 20 },
    );
  });

  it('covers nearly all of a strided stream and little else', () => {
    fc.assert(
      fc.property(
        pages,
        fc.integer({ min: 5, max: 4000 }),
        fc.boolean(),
        (length, hole, backwards) => {
          const byteLength = length * pageBytes;
          const accesses = stream(0, byteLength + hole * pageBytes, byteLength, 1000);
          const { recall, precision } = judge(backwards ? accesses.reverse() : accesses);
          expect(recall).toBeGreaterThan(0.95);
          expect(precision).toBeGreaterThan(0.9);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is not confused by streams that take turns', () => {
    fc.assert(
      fc.property(pages, pages, fc.integer({ min: 20, max: 300 }), (one, two, wide) => {
        const { recall, precision } = judge(
          interleaved([
            stream(0, one * pageBytes, one * pageBytes, 2000),
            stream(2 ** 33, -two * pageBytes, two * pageBytes, 2000),
            stream(2 ** 34, wide * pageBytes, pageBytes, 2000),
          ]),
        );
        expect(recall).toBeGreaterThan(0.95);
        expect(precision).toBeGreaterThan(0.6);
      }),
      { numRuns: 20 },
    );
  });

  it('bears with accesses that are left out, and with others in between', () => {
    fc.assert(
      fc.property(seed, (start) => {
        const next = random(start);
        const accesses = stream(0, 8 * pageBytes, 8 * pageBytes, 4000)
          .filter(() => next() > 0.05)
          .flatMap((access) => {
            if (next() > 0.3) return [access];
            const noise = 2 ** 36 + Math.floor(next() * 1e6) * pageBytes;
            return [access, { offset: noise, byteLength: pageBytes }];
          });
        const { recall, precision } = judge(accesses);
        expect(recall).toBeGreaterThan(0.85);
        expect(precision).toBeGreaterThan(0.8);
      }),
      { numRuns: 20 },
    );
  });

  it('reads next to nothing for random accesses', () => {
    fc.assert(
      fc.property(seed, (start) => {
        const next = random(start);
        const accesses = Array.from({ length: 20_000 }, () => ({
          offset: Math.floor(next() * 65_536) * pageBytes,
          byteLength: pageBytes,
        }));
        expect(judge(accesses).issued).toBeLessThan(0.03);
      }),
      { numRuns: 20 },
    );
  });

  it('reads next to nothing for skewed random accesses', () => {
    fc.assert(
      fc.property(seed, (start) => {
        const next = random(start);
        // Rank r with a probability of about 1 / r, the ranks scattered over the pages.
        const accesses = Array.from({ length: 20_000 }, () => ({
          offset: ((Math.floor(65_536 ** next()) * 40_503) % 65_536) * pageBytes,
          byteLength: pageBytes,
        }));
        expect(judge(accesses).issued).toBeLessThan(0.05);
      }),
      { numRuns: 20 },
    );
  });
});
