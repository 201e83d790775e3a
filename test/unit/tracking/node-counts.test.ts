import { describe, expect, it } from 'vitest';
import { NodeCounts } from '../../../lib/tracking/node-counts.ts';

const halfLife = 1000;

describe('counts by node', () => {
  it('give shares that add up to 1, of units that were used', () => {
    const counts = new NodeCounts(3);
    counts.add(5, 0, 100, 10, halfLife);
    counts.add(5, 2, 300, 10, halfLife);
    const shares = [0, 1, 2].map((node) => counts.share(5, node));
    expect(shares[0] + shares[1] + shares[2]).toBeCloseTo(1);
    expect(shares[2]).toBeCloseTo(0.75, 1);
    expect(shares[1]).toBeGreaterThan(0);
    expect([0, 1, 2].map((node) => counts.share(4, node))).toEqual([0, 0, 0]);
    expect(counts.share(99, 0)).toBe(0);
  });

  it('believe in a difference only after some accesses', () => {
    const counts = new NodeCounts(2);
    counts.add(0, 1, 2, 1, halfLife);
    expect(counts.share(0, 1)).toBeLessThan(2 / 3);
    counts.add(0, 1, 20, 1, halfLife);
    expect(counts.share(0, 1)).toBeGreaterThan(0.8);
  });

  it('forget: what is older by a half-life counts half', () => {
    const counts = new NodeCounts(2);
    counts.add(0, 0, 1000, 0, halfLife);
    counts.add(0, 1, 1000, halfLife, halfLife);
    expect(counts.share(0, 1)).toBeCloseTo(2 / 3, 2);
  });

  it('forget in the end what counts for ever as heat', () => {
    const counts = new NodeCounts(2);
    counts.add(0, 0, 1000, 0, Infinity);
    counts.add(0, 1, 1000, 1e8, Infinity);
    expect(counts.share(0, 1)).toBeGreaterThan(0.99);
  });
});
