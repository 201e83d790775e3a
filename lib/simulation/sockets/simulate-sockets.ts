/** Plays threads of several sockets on modelled memory: the policy and the engine are those of a program. */

import { DataMigrationEngine } from '../../migration/data-migration-engine.ts';
import type { EngineStats } from '../../migration/engine-stats.ts';
import type { Policy } from '../../policy/policy.ts';
import { SocketStore, type SocketTier } from './socket-store.ts';
import { type SocketWorkload, socketAccesses } from './socket-workload.ts';

/** Options of {@link simulateSockets}. */
export interface SocketSimulationOptions {
  /** Fastest first; each socket has the same share of each. */
  readonly tiers: readonly SocketTier[];
  readonly policy: Policy;
  /**
   * Where units are created: `first-touch` on the first socket, whose thread loads everything, as far as it has room;
   * `interleave` on each in turn.
   */
  readonly creation: 'first-touch' | 'interleave';
  /** Default 4096. */
  readonly unitBytes?: number | undefined;
  /** Accesses between two plans. Default 2000. */
  readonly interval?: number | undefined;
}

/** What it came to. Times are modelled nanoseconds an access. */
export interface SocketSimulation {
  readonly accessNs: number;
  /** Of moves, in the foreground. */
  readonly moveNs: number;
  /** Share of the accesses that went to another socket, 0..1: of all, and of the last tenth of the run. */
  readonly remoteShare: number;
  readonly remoteShareAtEnd: number;
  readonly engine: EngineStats;
}

/** One simulation; deterministic. */
export async function simulateSockets(
  workload: SocketWorkload,
  options: SocketSimulationOptions,
): Promise<SocketSimulation> {
  const { tiers, policy, creation, unitBytes = 4096, interval = 2000 } = options;
  const { sockets, units, accesses } = workload;
  const target = new SocketStore(tiers, sockets);
  let nowNs = 0;
  const engine = new DataMigrationEngine({
    target,
    policy,
    clock: () => nowNs,
    bytesPerSecond: Number.POSITIVE_INFINITY,
  });
  for (let unit = 0; unit < units; unit++) create(target, policy, unitBytes, unit);

  let index = 0;
  let accessNs = 0;
  const endsAt = Math.floor(accesses * 0.9);
  let before = { accesses: 0, remote: 0 };
  for (const { unit, write, socket } of socketAccesses(workload)) {
    const ns = target.access(unit, write, socket);
    accessNs += ns;
    nowNs += ns;
    index++;
    if (index === endsAt) before = { accesses: target.accesses, remote: target.remote };
    if (index % interval === 0) await engine.step();
  }
  const late = target.accesses - before.accesses;
  return {
    accessNs: accessNs / accesses,
    moveNs: (target.store.moveNs + target.nodeMoveNs) / accesses,
    remoteShare: target.remote / accesses,
    remoteShareAtEnd: late === 0 ? 0 : (target.remote - before.remote) / late,
    engine: engine.stats(),
  };

  function create(store: SocketStore, by: Policy, bytes: number, unit: number): void {
    const tier = store.store.place(by, { bytes, tierHint: -1, accessPattern: 'unknown' });
    store.create(bytes, tier, creation === 'interleave' ? unit % sockets : 0);
  }
}
