/** What `replay` prints: one JSON document, or the same facts as text. */

import type { UnitRecord } from '../decisions/unit-history.ts';
import type { UnitExplanation } from '../explain/explain-plan.ts';
import type { MemoryStats } from '../memory-stats.ts';
import type { ReplayResult } from '../simulation/replay.ts';
import type { TraceSurvey } from '../simulation/trace-survey.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import type { FigureSource, Limit, Tier } from '../tiers/tier.ts';
import type { Paint } from './command-io.ts';
import { unitRecordLines } from './explain-text.ts';
import { formatCount, formatNs, formatShare } from './format.ts';
import { bar, table } from './table.ts';

/** One tier of a {@link ReplayReport}. */
export interface ReplayTier {
  readonly name: string;
  readonly kind: 'real' | 'simulated';
  readonly capacityBytes: number;
  /** Charged to the budget at the end. */
  readonly usedBytes: number;
  readonly requests: number;
  /** Figures behind the modelled times, with where each comes from. */
  readonly readLatencyNs: number;
  readonly writeLatencyNs: number;
  readonly readBytesPerSecond: number;
  readonly writeBytesPerSecond: number;
  readonly specSource: FigureSource;
}

/** Result of `memory-tiers replay --json`. */
export interface ReplayReport {
  readonly trace: string;
  readonly policy: string;
  /** Requests between two plans. */
  readonly interval: number;
  readonly sizeDivisor: number;
  readonly requests: number;
  readonly objects: number;
  readonly creates: number;
  readonly reads: number;
  readonly writes: number;
  readonly bytes: number;
  readonly footprintBytes: number;
  readonly seconds: number;
  readonly verifySeconds: number;
  readonly opsPerSecond: number;
  /** Share of all requests by tier; a first touch counts where the object was placed. */
  readonly hits: Readonly<Record<string, number>>;
  /** The same without first touches, still as a share of all requests: comparable to a cache's hit ratio. */
  readonly hitRatio: Readonly<Record<string, number>>;
  /** MODELLED from the tiers' figures, not measured: mean of latency + bytes / bandwidth. */
  readonly modelledAccessNs: number;
  readonly promotions: number;
  readonly demotions: number;
  readonly movesFailed: number;
  readonly bytesMoved: number;
  readonly pingPongMoves: number;
  readonly plans: number;
  /** Units that would have moved, by what kept them; a unit counts in every plan that considers it. */
  readonly refused: Readonly<Record<string, number>>;
  /** Uninterrupted work on the main thread: observing, planning and moving. */
  readonly migrationMs: {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
    readonly slices: number;
  };
  readonly peakRssBytes: number;
  readonly corruptReads: number;
  /** Objects whose bytes were wrong in the final pass over all of them. */
  readonly corruptObjects: number;
  readonly corruptions: ReplayResult['corruptions'];
  /** SHA-256 over all moves of all plans. */
  readonly placementDigest: string;
  readonly policyErrors: number;
  readonly tiers: readonly ReplayTier[];
  readonly limits: readonly Limit[];
  /** With `--explain`. */
  readonly explained?: ExplainedKey;
}

/** One key's object: how it was moved, and what a plan would do with it at the end. */
export interface ExplainedKey {
  readonly key: number;
  /** One for each unit of the object; none when there is no object. */
  readonly now: readonly UnitExplanation[];
  /** Of an object that is one unit. */
  readonly history: UnitRecord;
}

/** What a report is made of. */
export interface ReplayFacts {
  readonly trace: string;
  readonly interval: number;
  readonly sizeDivisor: number;
  readonly survey: TraceSurvey;
  readonly result: ReplayResult;
  readonly policy: string;
  readonly digest: string;
  readonly stats: MemoryStats;
  readonly tiers: readonly Tier[];
  readonly limits: readonly Limit[];
  readonly explained: ExplainedKey | undefined;
}

function byTier<T>(tiers: readonly Tier[], value: (index: number) => T): Record<string, T> {
  return Object.fromEntries(tiers.map(({ name }, index) => [name, value(index)]));
}

/** Gathers the report. */
export function replayReport(facts: ReplayFacts): ReplayReport {
  const { survey, result, policy, digest, stats, tiers } = facts;
  const { migration } = stats;
  const { served, requests } = result;
  return {
    trace: facts.trace,
    policy,
    interval: facts.interval,
    sizeDivisor: facts.sizeDivisor,
    requests,
    objects: survey.keys.size,
    creates: result.creates,
    reads: result.reads,
    writes: result.writes,
    bytes: result.bytes,
    footprintBytes: survey.footprintBytes,
    seconds: result.seconds,
    verifySeconds: result.verifySeconds,
    opsPerSecond: Math.round(requests / result.seconds),
    hits: byTier(tiers, (tier) => served.byTier[tier].accesses / requests),
    hitRatio: byTier(tiers, (tier) => result.repeated[tier] / requests),
    modelledAccessNs: served.modelledNs / requests,
    promotions: migration.promotions,
    demotions: migration.demotions,
    movesFailed: migration.failed,
    bytesMoved: migration.bytesMoved,
    pingPongMoves: migration.pingPongMoves,
    plans: migration.rounds,
    refused: migration.refused,
    migrationMs: {
      p50: migration.slices.p50Ns / 1e6,
      p99: migration.slices.p99Ns / 1e6,
      max: migration.slices.maxNs / 1e6,
      slices: migration.slices.count,
    },
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    corruptReads: result.corruptReads,
    corruptObjects: result.corruptObjects,
    corruptions: result.corruptions,
    placementDigest: digest,
    policyErrors: migration.policyErrors,
    tiers: tiers.map(({ name, kind, capacityBytes, spec }, tier) => ({
      name,
      kind,
      capacityBytes,
      usedBytes: stats.tiers[tier].usedBytes,
      requests: served.byTier[tier].accesses,
      readLatencyNs: spec.readLatencyNs.value,
      writeLatencyNs: spec.writeLatencyNs.value,
      readBytesPerSecond: spec.readBytesPerSecond.value,
      writeBytesPerSecond: spec.writeBytesPerSecond.value,
      specSource: spec.readLatencyNs.source,
    })),
    limits: facts.limits,
    ...(facts.explained === undefined ? {} : { explained: facts.explained }),
  };
}

function explainedLines({ key, now, history }: ExplainedKey): string[] {
  if (now.length === 0) return ['', `key ${key}: there is no such object.`];
  const past = history.considered === 0 ? [] : unitRecordLines(`key ${key}`, history);
  return ['', ...past, `key ${key} now:`, ...now.map(({ text }) => `  ${text}`)];
}

/** The report as text. */
export function replayText(report: ReplayReport, paint: Paint): string {
  const rows = report.tiers.map((tier, index) => [
    paint.hue(index, tier.name),
    tier.kind,
    formatBytes(tier.capacityBytes),
    formatBytes(tier.usedBytes),
    formatShare(report.hits[tier.name]),
    formatShare(report.hitRatio[tier.name]),
    formatNs(tier.readLatencyNs),
    paint.hue(index, bar(report.hits[tier.name], 24)),
  ]);
  const { migrationMs } = report;
  const kept = Object.entries(report.refused).map(([why, count]) => `${why} ${formatCount(count)}`);
  const intact = report.corruptReads === 0 && report.corruptObjects === 0;
  const integrity = intact
    ? paint.green('every byte read back was the byte written')
    : paint.red(`${report.corruptReads} corrupt reads, ${report.corruptObjects} corrupt objects`);
  return [
    `${paint.bold(report.trace)}: ${formatCount(report.requests)} requests of ${formatCount(report.objects)} ` +
      `objects (${formatBytes(report.footprintBytes)}), policy ${report.policy}`,
    '',
    ...table(['tier', 'kind', 'budget', 'used', 'requests', 'hit ratio', 'latency', ''], rows, [
      'left',
      'left',
      'right',
      'right',
      'right',
      'right',
      'right',
      'left',
    ]),
    '',
    `time        ${report.seconds.toFixed(2)} s, ${formatCount(report.opsPerSecond)} requests a second of wall time`,
    `access      ${formatNs(report.modelledAccessNs)} on average, MODELLED from the tiers' figures`,
    `moved       ${formatCount(report.promotions)} promotions, ${formatCount(report.demotions)} demotions, ` +
      `${formatBytes(report.bytesMoved)}; ${formatCount(report.pingPongMoves)} ping-pong`,
    `migration   p50 ${formatNs(migrationMs.p50 * 1e6)}, p99 ${formatNs(migrationMs.p99 * 1e6)}, ` +
      `max ${formatNs(migrationMs.max * 1e6)} on the main thread at a time`,
    `memory      ${formatBytes(report.peakRssBytes)} peak resident`,
    ...(kept.length === 0
      ? []
      : [`kept        ${kept.join(', ')} (by reason, once for each plan)`]),
    `integrity   ${integrity}`,
    `plans       ${formatCount(report.plans)}, digest ${report.placementDigest.slice(0, 16)}`,
    ...(report.explained === undefined ? [] : explainedLines(report.explained)),
    '',
  ].join('\n');
}
