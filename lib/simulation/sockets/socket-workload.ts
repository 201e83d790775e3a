/** What threads on several sockets do with data they share, or do not. */

import { SplitMix64 } from '../workloads/split-mix.ts';
import { Scramble, ZipfRanks } from '../workloads/zipf.ts';

/** How the units are divided among the sockets. */
export const socketPatterns = [
  /** Each socket has units of its own. */
  'partitioned',
  /** All use all of them evenly. */
  'shared',
  /** As `partitioned`, until the threads of the sockets change places in the middle. */
  'moving',
  /** One access in five goes to a unit of another socket. */
  'mostly-own',
] as const;

/** One of {@link socketPatterns}. */
export type SocketPattern = (typeof socketPatterns)[number];

/** Settings of {@link socketAccesses}. */
export interface SocketWorkload {
  readonly pattern: SocketPattern;
  readonly sockets: number;
  /** Of all sockets together. */
  readonly units: number;
  readonly accesses: number;
  /** Zipf's exponent of the units' popularity. Default 0.99, as YCSB has it. */
  readonly theta?: number | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
}

/** One access; the object is used again for the next one. */
export interface SocketAccess {
  unit: number;
  /** Socket of the thread. */
  socket: number;
  write: boolean;
}

const foreignShare = 0.2;
const writeShare = 0.1;

/** The accesses, the sockets in turn; the same for the same settings. */
export function* socketAccesses(workload: SocketWorkload): Generator<SocketAccess> {
  const { pattern, sockets, units, accesses, theta = 0.99, seed = 1 } = workload;
  const each = Math.floor(units / sockets);
  const random = new SplitMix64(seed);
  const count = pattern === 'shared' ? each * sockets : each;
  const ranks = new ZipfRanks(count, theta);
  const scramble = new Scramble(count);
  const access: SocketAccess = { unit: 0, socket: 0, write: false };
  for (let index = 0; index < accesses; index++) {
    access.socket = index % sockets;
    const hasMoved = pattern === 'moving' && index >= accesses / 2;
    const isForeign = pattern === 'mostly-own' && random.next().unit() < foreignShare;
    const owner = hasMoved || isForeign ? (access.socket + 1) % sockets : access.socket;
    const key = scramble.key(ranks.rank(random.next().unit()));
    access.unit = pattern === 'shared' ? key : owner * each + key;
    access.write = random.next().unit() < writeShare;
    yield access;
  }
}
