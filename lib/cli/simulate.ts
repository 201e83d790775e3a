/** `memory-tiers simulate`: plays a trace or a synthetic workload on modelled tiers, for any number of policies. */

import { DecisionLog } from '../decisions/decision-log.ts';
import { UnitHistory } from '../decisions/unit-history.ts';
import { createPolicy } from '../policy/policies.ts';
import { type AccessLog, loadAccessLog } from '../simulation/access-log.ts';
import type { ModelledTier } from '../simulation/modelled-store.ts';
import { lowerBound } from '../simulation/oracle/lower-bound.ts';
import { staticOracle } from '../simulation/oracle/static-oracle.ts';
import { type SimulationResult, simulate } from '../simulation/simulator.ts';
import { watchKey } from '../simulation/watch-key.ts';
import type { Workload } from '../simulation/workload.ts';
import { surveyWorkload } from '../simulation/workload-survey.ts';
import { describeWorkloads } from '../simulation/workloads/parse-workload.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import { type Command, type CommandInput, defineCommand, type ExitCode } from './command.ts';
import { paintFor, writeJson } from './command-io.ts';
import { formatCount } from './format.ts';
import { needsFootprint, sizedTiers } from './modelled-tier-option.ts';
import { openWorkload } from './open-workload.ts';
import { Progress } from './progress.ts';
import { type SimulateSettings, simulateOptions, simulateSettings } from './simulate-options.ts';
import { type Oracles, simulateReport } from './simulate-report.ts';
import { simulateText } from './simulate-text.ts';

const warmUpShare = 0.2;

/** The simulator takes the slowest tier to be unbounded, and so does everything it is compared with. */
function unbounded(tiers: readonly ModelledTier[]): ModelledTier[] {
  const last = tiers.length - 1;
  return tiers.map((tier, index) => (index < last ? tier : { ...tier, capacityBytes: Infinity }));
}

function notesOn(
  tiers: readonly ModelledTier[],
  settings: SimulateSettings,
  results: readonly SimulationResult[],
): string[] {
  const notes: string[] = [];
  const [{ footprintBytes }] = results;
  const capacity = tiers.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
  if (footprintBytes > capacity) {
    const { name } = tiers[tiers.length - 1];
    notes.push(
      `the objects need ${formatBytes(footprintBytes - capacity)} more than the tiers have; ` +
        `${name} was taken to be as large as necessary.`,
    );
  }
  if (settings.sampleEvery === 0) notes.push('the policies saw no access.');
  else if (settings.sampleEvery > 1)
    notes.push(`the policies saw one in ${formatCount(settings.sampleEvery)} requests.`);
  for (const { policy, engine } of results) {
    if (engine.policyErrors === 0) continue;
    const message = engine.lastPolicyFailure?.message ?? 'no message';
    notes.push(`${policy} failed in ${formatCount(engine.policyErrors)} plans: ${message}`);
  }
  return notes;
}

/** Requests left out, and those of the shifts that are within the run. */
function marks(
  { warmUp, shift }: SimulateSettings,
  workload: Workload,
  requests: number,
): { readonly warmUp: number; readonly shifts: readonly number[] } {
  const loaded = Math.min(workload.loadRequests ?? 0, requests);
  const shifts = shift === undefined ? (workload.shifts ?? []) : [shift];
  return {
    warmUp: warmUp ?? Math.round(loaded + (requests - loaded) * warmUpShare),
    shifts: shifts.filter((at) => at < requests),
  };
}

async function runSimulate(
  { json, io }: CommandInput<typeof simulateOptions>,
  settings: SimulateSettings,
  workload: Workload,
): Promise<ExitCode> {
  const progress = new Progress(io.stderr);
  const reading = (requests: number): void =>
    progress.update(() => `reading: ${formatCount(requests)} requests`);
  // Opened first: it is a pity to find out at the end that it cannot be written.
  using decisions =
    settings.decisions === undefined ? undefined : new DecisionLog(settings.decisions);
  const key = settings.explain;
  const watched = key === undefined ? undefined : watchKey(workload, key);
  try {
    let log: AccessLog | undefined;
    let footprintBytes = 0;
    if (settings.oracle) {
      log = await loadAccessLog(workload, reading);
      footprintBytes = log.footprintBytes;
    } else if (needsFootprint(settings.tiers)) {
      ({ footprintBytes } = await surveyWorkload(workload, reading));
    }
    const tiers = sizedTiers(settings.tiers, footprintBytes);
    const results: SimulationResult[] = [];
    const paces: number[] = [];
    const histories: UnitHistory[] = [];
    for (const name of settings.policies) {
      const policy = createPolicy(name);
      const history = watched && new UnitHistory(policy, watched.unit);
      if (history !== undefined) histories.push(history);
      const listeners = [history?.observe, decisions?.onDecision].filter(
        (one) => one !== undefined,
      );
      const before = process.cpuUsage();
      const result = await simulate(watched?.workload ?? workload, {
        tiers,
        policy,
        onDecision:
          listeners.length === 0
            ? undefined
            : (decision) => {
                for (const listener of listeners) listener(decision);
              },
        costs: settings.costs,
        interval: settings.interval,
        foreground: settings.foreground,
        sampleEvery: settings.sampleEvery,
        onProgress: (requests) =>
          progress.update(() => `${name}: ${formatCount(requests)} requests`),
      });
      const { user, system } = process.cpuUsage(before);
      paces.push(result.requests / (Math.max(1, user + system) / 1e6));
      results.push(result);
    }
    let oracles: Oracles | undefined;
    if (log !== undefined) {
      progress.update(() => 'looking for the lower bound');
      oracles = {
        staticNs: staticOracle(log, unbounded(tiers), settings.costs).accessNs,
        boundNs: lowerBound(log, unbounded(tiers), settings.costs).totalNs,
      };
    }
    progress.clear();
    decisions?.close();
    const [{ requests, weight }] = results;
    const { warmUp, shifts } = marks(settings, workload, requests);
    const report = simulateReport({
      tiers,
      results,
      oracles,
      warmUpAccesses: warmUp * weight,
      shifts: shifts.map((at) => at * weight),
      notes: notesOn(tiers, settings, results),
      explained: key === undefined ? undefined : { key, records: histories.map((h) => h.record()) },
    });
    if (json) writeJson(io.stdout, report);
    else io.stdout.write(simulateText(report, paces, paintFor(io.stdout, io.env)));
    return results.every(({ engine }) => engine.policyErrors === 0) ? 0 : 1;
  } finally {
    progress.clear();
  }
}

/** The command. */
export const simulateCommand: Command = defineCommand({
  name: 'simulate',
  summary: 'play a trace or a synthetic workload on modelled tiers and compare policies',
  description:
    'Plays WORKLOAD on tiers that are only modelled, with the tracking, policy and engine code of a program: a ' +
    'CSV trace as for "replay" ("-" is standard input), or a synthetic workload NAME[:PARAMETER][,SETTING=VALUE…], ' +
    'e.g. zipf:0.99,units=1e6,accesses=1e7,seed=2. A path with a slash is always a trace.\n' +
    'Prints the share of accesses each tier served, the MODELLED time of an access with all moves charged, what ' +
    'was moved, the worst moments and the way back after a shift. Memory grows with the distinct objects, not ' +
    'with the requests. The same call gives the same figures. Exit code 1 when a policy failed.\n' +
    `Synthetic workloads, with the default of the parameter:\n${describeWorkloads().join('\n')}\n` +
    'Settings of most: units (objects), size (bytes of each), accesses, seed; of pages also writes (their share).',
  positionals: ['WORKLOAD'],
  options: simulateOptions,
  example: 'simulate zipf:0.99 --tier L1_DDR=11% --tier L2_CXL --policy balanced,lru,static',
  async run(input) {
    const settings = simulateSettings(input);
    const { workload, close } = await openWorkload(input.positionals[0], input.io.stdin, settings);
    try {
      return await runSimulate(input, settings, workload);
    } finally {
      await close();
    }
  },
});
