import { describe, expect, it } from 'vitest';
import { SelfStop } from '../../../lib/migration/self-stop.ts';

const MB = 1e6;
const second = 1e9;

/** After some rounds of `bytes` promoted in a second each; `now` goes on. */
function paced(bytes: number): { stop: SelfStop; now: number } {
  const stop = new SelfStop(0);
  let now = 0;
  for (let round = 0; round < 100; round++) {
    now += second;
    stop.spend(bytes);
    stop.adapt(1, now);
  }
  return { stop, now };
}

describe('the self-stop', () => {
  it('holds nothing back while promotions pay, and before anything was promoted', () => {
    const { stop, now } = paced(64 * MB);
    expect(stop.available(now)).toBeUndefined();
    const idle = new SelfStop(0);
    idle.adapt(0, second);
    expect(idle.available(2 * second)).toBeUndefined();
  });

  it('halves their pace while they bring back less than half, down to a 64th of what it was', () => {
    const { stop, now } = paced(640 * MB);
    stop.adapt(0.4, now);
    expect(stop.factor).toBe(0.5);
    stop.adapt(0.4, now);
    expect(stop.factor).toBe(0.25);
    stop.adapt(0.6, now);
    expect(stop.factor).toBe(0.25);
    for (let i = 0; i < 20; i++) stop.adapt(0, now);
    expect(stop.factor).toBe(1 / 64);
    stop.spend(stop.available(now) as number);
    expect(stop.available(now)).toBe(0);
    expect((stop.available(now + second / 2) as number) / MB).toBeCloseTo(5, 1);
  });

  it('does not hand out a new burst each time it changes', () => {
    const { stop, now } = paced(640 * MB);
    stop.adapt(0, now);
    stop.spend(stop.available(now) as number);
    stop.adapt(0, now);
    stop.adapt(0.9, now);
    expect(stop.available(now)).toBe(0);
  });

  it('lets go step by step when they pay again', () => {
    const { stop, now } = paced(640 * MB);
    stop.adapt(0, now);
    stop.adapt(0.9, now);
    expect(stop.factor).toBeCloseTo(0.55);
    for (let i = 0; i < 10; i++) stop.adapt(1, now);
    expect(stop.factor).toBe(1);
    expect(stop.available(now)).toBeUndefined();
  });
});
