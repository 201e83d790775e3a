import { describe, expect, it } from 'vitest';
import { createPolicy } from '../../../../lib/policy/policies.ts';
import {
  type SocketSimulation,
  type SocketSimulationOptions,
  simulateSockets,
} from '../../../../lib/simulation/sockets/simulate-sockets.ts';
import type { SocketTier } from '../../../../lib/simulation/sockets/socket-store.ts';
import {
  type SocketPattern,
  socketAccesses,
  socketPatterns,
} from '../../../../lib/simulation/sockets/socket-workload.ts';

const units = 512;
const unitBytes = 4096;
const accesses = 80_000;

const ddr = (bytes: number): SocketTier => ({
  name: 'L1_DDR',
  capacityBytes: bytes,
  readLatencyNs: 90,
  writeLatencyNs: 90,
  readBytesPerSecond: 100e9,
  writeBytesPerSecond: 100e9,
  costPerGiBMonth: 3,
});
const cxl: SocketTier = {
  ...ddr(8 * units * unitBytes),
  name: 'L2_CXL',
  readLatencyNs: 250,
  writeLatencyNs: 250,
  readBytesPerSecond: 30e9,
  writeBytesPerSecond: 30e9,
};
const ample = [ddr(3 * units * unitBytes)];

function play(
  pattern: SocketPattern,
  policy: string,
  options: Partial<SocketSimulationOptions> = {},
): Promise<SocketSimulation> {
  return simulateSockets(
    { pattern, sockets: 2, units, accesses },
    { tiers: ample, policy: createPolicy(policy), creation: 'first-touch', ...options },
  );
}
const all = ({ accessNs, moveNs }: SocketSimulation): number => accessNs + moveNs;

describe('threads on two sockets', () => {
  it.each(['partitioned', 'moving', 'mostly-own'] as const)(
    '%s: data that follows them costs less than data left where it was touched first, or interleaved',
    async (pattern) => {
      const [still, spread, follows] = await Promise.all([
        play(pattern, 'static'),
        play(pattern, 'static', { creation: 'interleave' }),
        play(pattern, 'balanced'),
      ]);
      expect(still.remoteShare).toBeGreaterThan(0.45);
      expect(spread.remoteShare).toBeGreaterThan(0.45);
      expect(all(follows)).toBeLessThan(0.95 * Math.min(all(still), all(spread)));
      expect(follows.engine.nodeMoves).toBeGreaterThan(0);
      expect(follows.engine.pingPongMoves).toBe(0);
    },
  );

  it('partitioned: hardly any access is remote in the end', async () => {
    const { remoteShareAtEnd } = await play('partitioned', 'balanced');
    expect(remoteShareAtEnd).toBeLessThan(0.1);
  });

  it('shared: nothing goes to and fro', async () => {
    const { engine, moveNs } = await play('shared', 'balanced');
    expect(engine.pingPongMoves).toBe(0);
    expect(engine.nodeMoves).toBeLessThan(units / 100);
    expect(moveNs).toBeLessThan(0.1);
  });

  it('choose node and tier together where the fast tier is small', async () => {
    const tiers = [ddr((units * unitBytes) / 4), cxl];
    const [still, follows] = await Promise.all([
      play('partitioned', 'first-touch', { tiers }),
      play('partitioned', 'balanced', { tiers }),
    ]);
    expect(all(follows)).toBeLessThan(0.6 * all(still));
    expect(follows.engine.promotions).toBeGreaterThan(0);
    expect(follows.remoteShareAtEnd).toBeLessThan(0.25);
  });

  it('give the same result each time', async () => {
    expect(await play('moving', 'balanced')).toEqual(await play('moving', 'balanced'));
  });
});

describe('their accesses', () => {
  it.each(socketPatterns)('%s: come from all sockets in turn, to units that exist', (pattern) => {
    const perSocket = [0, 0];
    const own = [0, 0];
    let strangers = 0;
    for (const { unit, socket } of socketAccesses({
      pattern,
      sockets: 2,
      units,
      accesses: 20_000,
    })) {
      if (!(unit >= 0 && unit < units)) strangers++;
      perSocket[socket]++;
      if (Math.floor(unit / (units / 2)) === socket) own[socket]++;
    }
    expect(strangers).toBe(0);
    expect(perSocket).toEqual([10_000, 10_000]);
    const share = (own[0] + own[1]) / 20_000;
    const expected = { partitioned: 1, shared: 0.5, moving: 0.5, 'mostly-own': 0.8 }[pattern];
    expect(Math.abs(share - expected)).toBeLessThan(0.1);
  });
});
