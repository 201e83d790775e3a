/** The synthetic workloads that have a name, with their settings and defaults. */

import type { AccessGenerator } from './access-rows.ts';
import { Loop, OneHitFlood, PingPong } from './adversaries.ts';
import { Embeddings } from './embeddings.ts';
import { Gups } from './gups.ts';
import { KvCache } from './kv-cache.ts';
import { PageRank, pageRankWeight } from './page-rank.ts';
import { maxModulus } from './split-mix.ts';
import { Tpcc } from './tpcc.ts';
import { Ycsb, ycsbLetters } from './ycsb.ts';
import { ZipfDrift, ZipfScan, ZipfStream } from './zipf-streams.ts';

/** A number that can be set. */
export interface SettingRule {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Whole numbers only. */
  readonly whole?: true;
  /** A value in the middle that is none, and why. */
  readonly except?: readonly [value: number, why: string];
  /** Given as a size such as `4KiB`. */
  readonly bytes?: true;
}

/** Values of all settings of a kind. */
export type Settings = Readonly<Record<string, number>>;

/** A family of workloads. */
export interface WorkloadKind {
  /** What it is, for help. */
  readonly summary: string;
  /** The setting that follows the name after a colon, if there is one. */
  readonly parameter?: string;
  /** By name. `accesses` and `seed` are always among them. */
  readonly settings: Readonly<Record<string, SettingRule>>;
  /** Accesses one of the stream stands for. Default 1. */
  readonly weight?: number;
  /** Accesses after the load at which the pattern changes for good. */
  shifts?(settings: Settings): number[];
  make(settings: Settings): AccessGenerator;
}

const whole = (value: number, min: number, max: number): SettingRule => ({
  default: value,
  min,
  max,
  whole: true,
});
const share = (value: number): SettingRule => ({ default: value, min: 0, max: 1 });
const size = (value: number): SettingRule => ({ ...whole(value, 1, 2 ** 40), bytes: true });
const theta: SettingRule = {
  default: 0.99,
  min: 0.01,
  max: 5,
  except: [1, 'at which the formula of the generator divides by zero; 0.999 is as good'],
};

const every = { accesses: whole(2_000_000, 1, 1e12), seed: whole(1, 0, 2 ** 53 - 1) };
const pages = {
  units: whole(65_536, 1, maxModulus),
  size: size(4096),
  writes: share(0),
  ...every,
};
const records = { units: whole(1_000_000, 1, maxModulus), size: size(1024), ...every };

/** A ninth of the pages is the fast tier at 1:8; a set of three quarters of it fits, one a tenth larger does not. */
const [threeQuarters, tenthMore] = [0.083, 0.122];

const pageSettings = (settings: Settings) => ({
  unitCount: settings.units,
  sizeBytes: settings.size,
  accesses: settings.accesses,
  seed: settings.seed,
  writeShare: settings.writes,
});
const zipfSettings = (settings: Settings) => ({
  ...pageSettings(settings),
  theta: settings.theta,
});

const gups = (settings: Settings): AccessGenerator =>
  new Gups({
    ...pageSettings(settings),
    hotShare: settings.hot,
    shiftPercent: settings.percent ?? 0,
  });

const ycsbSummaries = {
  a: 'half reads, half updates',
  b: '95 % reads, 5 % updates',
  c: 'reads only',
  d: '95 % reads of the newest records, 5 % inserts',
  e: '95 % short scans, 5 % inserts',
  f: 'half reads, half read-modify-writes',
} as const;

const ycsb: Readonly<Record<string, WorkloadKind>> = Object.fromEntries(
  ycsbLetters.map((letter) => [
    `ycsb-${letter}`,
    {
      summary: `YCSB ${letter.toUpperCase()}: ${ycsbSummaries[letter]}`,
      parameter: 'theta',
      settings: { theta, ...records },
      make: ({ units, size: sizeBytes, ...settings }: Settings) =>
        new Ycsb({
          letter,
          unitCount: units,
          sizeBytes,
          seed: settings.seed,
          theta: settings.theta,
        }),
    },
  ]),
);

const tokenBytes = 320 * 1024;

/** The workloads by name. */
export const workloadKinds: Readonly<Record<string, WorkloadKind>> = {
  zipf: {
    summary: 'pages with Zipf popularity',
    parameter: 'theta',
    settings: { theta, ...pages },
    make: (settings) => new ZipfStream(zipfSettings(settings)),
  },
  'zipf-drift': {
    summary: 'the same; a fiftieth of the ranks is new at every twentieth of the run',
    parameter: 'theta',
    settings: { theta, ...pages },
    make: (settings) => new ZipfDrift(zipfSettings(settings)),
  },
  'zipf-scan': {
    summary: 'the same; at every tenth of the run a quarter of the pages is scanned',
    parameter: 'theta',
    settings: { theta, ...pages },
    make: (settings) => new ZipfScan(zipfSettings(settings)),
  },
  gups: {
    summary: 'random accesses, nine of ten to a sixteenth of the pages',
    settings: { hot: share(1 / 16), ...pages },
    make: gups,
  },
  'gups-shift': {
    summary: 'the same; a percentage of the hot set is replaced at half time',
    parameter: 'percent',
    settings: { percent: whole(25, 1, 100), hot: share(1 / 16), ...pages },
    shifts: ({ accesses }) => [Math.floor(accesses / 2)],
    make: gups,
  },
  ...ycsb,
  scan: {
    summary: 'all pages in order, again and again',
    settings: pages,
    make: (settings) => new Loop({ ...pageSettings(settings), share: 1 }),
  },
  loop: {
    summary: 'a share of the pages in order, again and again',
    parameter: 'share',
    settings: { share: share(tenthMore), ...pages },
    make: (settings) => new Loop({ ...pageSettings(settings), share: settings.share }),
  },
  'ping-pong': {
    summary: 'two hot sets that take turns after a period of accesses',
    parameter: 'period',
    settings: { period: whole(100_000, 1, 1e12), hot: share(threeQuarters), ...pages },
    make: (settings) =>
      new PingPong({
        ...pageSettings(settings),
        period: settings.period,
        hotShare: settings.hot,
      }),
  },
  'one-hit': {
    summary: 'Zipf among a share of accesses to new keys that are used once',
    parameter: 'share',
    settings: { share: share(0.5), theta, ...pages },
    make: (settings) => new OneHitFlood({ ...zipfSettings(settings), floodShare: settings.share }),
  },
  'kv-cache': {
    summary: 'blocks of the key-value cache of a language model; conversations started a second',
    parameter: 'sessions',
    settings: {
      sessions: { default: 1, min: 0.001, max: 1000 },
      block: whole(512, 1, 4096),
      ...every,
    },
    make: ({ seed, sessions, block }) =>
      new KvCache({
        seed,
        sessionsPerSecond: sessions,
        blockTokens: block,
        sizeBytes: block * tokenBytes,
      }),
  },
  pagerank: {
    summary: 'pages of PageRank over a Kronecker graph of 2^scale vertices',
    parameter: 'scale',
    settings: { scale: whole(16, 8, 22), size: size(4096), ...every },
    weight: pageRankWeight,
    make: ({ seed, scale, size: sizeBytes }) => new PageRank({ seed, scale, sizeBytes }),
  },
  'tpcc-like': {
    summary: 'rows that the transactions of TPC-C touch; warehouses',
    parameter: 'warehouses',
    settings: { warehouses: whole(2, 1, 400), ...every },
    make: ({ seed, warehouses }) => new Tpcc({ seed, warehouses }),
  },
  embeddings: {
    summary: 'look-ups of rows of a recommendation model',
    settings: { ...records, size: size(256) },
    make: ({ seed, units, size: sizeBytes }) =>
      new Embeddings({ seed, unitCount: units, sizeBytes }),
  },
};
