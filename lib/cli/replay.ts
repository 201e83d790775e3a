/** `memory-tiers replay`: plays an access trace on real memory and says where its requests were served. */

import { DecisionLog } from '../decisions/decision-log.ts';
import { UnitHistory } from '../decisions/unit-history.ts';
import { TierError } from '../errors.ts';
import { unitBytes } from '../memory/size-classes.ts';
import { createPolicy, policyNames } from '../policy/policies.ts';
import type { Policy } from '../policy/policy.ts';
import { headroomBytes } from '../policy/thresholds.ts';
import { chargedBytes, requirement } from '../simulation/footprint.ts';
import { digestMoves } from '../simulation/move-digest.ts';
import { replay } from '../simulation/replay.ts';
import { openTrace, type TraceSource } from '../simulation/trace-source.ts';
import { surveyTrace, type TraceSurvey } from '../simulation/trace-survey.ts';
import { TieredMemory } from '../tiered-memory.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import { HardwareTierManager } from '../tiers/hardware-tier-manager.ts';
import type { Tier } from '../tiers/tier.ts';
import {
  type Command,
  type CommandInput,
  countOption,
  defineCommand,
  type ExitCode,
  UsageError,
} from './command.ts';
import { paintFor, writeJson } from './command-io.ts';
import { decisionsOption } from './decisions-option.ts';
import { formatCount } from './format.ts';
import { Progress } from './progress.ts';
import { replayReport, replayText } from './replay-report.ts';
import { parseTierOptions, tierOption } from './tier-option.ts';

const options = {
  tier: tierOption,
  policy: {
    type: 'string',
    placeholder: 'NAME',
    help: `One of ${policyNames.join(', ')}. Default: the policy file, else balanced.`,
  },
  'policy-file': {
    type: 'string',
    placeholder: 'FILE',
    help: 'JSON file with policy and tiers; the options here win over it.',
  },
  interval: {
    type: 'string',
    placeholder: 'N',
    help: 'Requests between two plans. Default: 1 % of the objects the fastest tier holds, at least 64.',
  },
  limit: { type: 'string', placeholder: 'N', help: 'Only the first N requests.' },
  'size-divisor': {
    type: 'string',
    placeholder: 'N',
    help: 'Divide all sizes by N, for traces of objects too large for this machine. Default 1.',
  },
  decisions: decisionsOption,
  explain: {
    type: 'string',
    placeholder: 'KEY',
    help: 'Tell how the object with this key was moved, and what the policy would do with it at the end.',
  },
} as const;

/** Needed and available room differ: says by how much, and which budget to raise to what. */
function checkFit(survey: TraceSurvey, tiers: readonly Tier[]): void {
  const { bytes, fragmentationBytes } = requirement(survey, tiers.length);
  const needed = bytes + fragmentationBytes;
  // Policies keep the head-room of all but the slowest tier free, by filling that one.
  const available = tiers.reduce((sum, { capacityBytes }, index) => {
    const kept = index < tiers.length - 1 ? headroomBytes(capacityBytes) : 0;
    return sum + Math.floor((capacityBytes - kept) / unitBytes) * unitBytes;
  }, 0);
  if (needed <= available) return;
  const last = tiers[tiers.length - 1];
  const mebibytes = Math.ceil((last.capacityBytes + needed - available) / 2 ** 20);
  throw new TierError(
    'ERR_TIER_TRACE',
    `The ${formatCount(survey.keys.size)} objects of the trace do not fit: they have ` +
      `${formatBytes(survey.footprintBytes)}, need ${formatBytes(needed)} in slabs of 64 KiB over ` +
      `${tiers.length} tier(s), and the tiers have ${formatBytes(available)} beside their head-room.`,
    {
      hint:
        `Raise the slowest tier: --tier ${last.name}=${mebibytes}MiB, ` +
        'or use fewer requests (--limit) or smaller objects (--size-divisor).',
    },
  );
}

/** 1 % of the objects the fastest tier holds, at least 64. */
function defaultInterval(survey: TraceSurvey, [fastest]: readonly Tier[]): number {
  let charged = 0;
  for (let index = 0; index < survey.keys.size; index++) {
    charged += chargedBytes(survey.sizeBytes[index]);
  }
  const objects = fastest.capacityBytes / (charged / survey.keys.size);
  return Math.max(64, Math.round(objects / 100));
}

/**
 * Units a plan considers: plans come as often as the fast tier is small, so each may look at a share of it. Eight times
 * what was accessed finds victims as cold as a look at all units does, in a fraction of the time.
 */
function maxUnitsFor(interval: number): number {
  return Math.max(2048, 8 * interval);
}

function choosePolicy(
  name: string | undefined,
  manager: HardwareTierManager,
): Pick<Settings, 'policy' | 'parameters'> {
  const settings = name === undefined ? manager.policy : undefined;
  const parameters = settings?.parameters ?? {};
  return { policy: createPolicy(name ?? settings?.name ?? 'balanced', parameters), parameters };
}

/** Follows the object of a key through the plans: small ones only, a large one is many units. */
function followKey(
  key: number,
  policy: Policy,
  memory: () => Pick<TieredMemory, 'has' | 'keyOf'>,
): UnitHistory {
  let unit: number | undefined;
  return new UnitHistory(policy, ({ id, length }) => {
    const store = memory();
    if (unit !== undefined && store.keyOf(unit) === key) return unit;
    // A new object was just accessed, so the first plan after that has it.
    const ids = store.has(key) ? id.subarray(0, length) : [];
    unit = ids.find((each) => store.keyOf(each) === key);
    return unit;
  });
}

interface Settings {
  readonly limit: number | undefined;
  readonly sizeDivisor: number;
  /** Requests between two plans; undefined for the default. */
  readonly interval: number | undefined;
  readonly manager: HardwareTierManager;
  readonly policy: Policy;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** File for a log of decisions. */
  readonly decisions: string | undefined;
  /** A key to tell the story of. */
  readonly explain: number | undefined;
}

/** Everything that can be wrong with the call is found here, before the trace is read. */
function settingsOf({ options: given }: CommandInput<typeof options>): Settings {
  const limit = countOption('limit', given.limit, { minimum: 1 });
  const sizeDivisor = countOption('size-divisor', given['size-divisor'], { minimum: 1 }) ?? 1;
  const interval = countOption('interval', given.interval, { minimum: 1 });
  const tiers = parseTierOptions(given.tier);
  const policyFile = given['policy-file'];
  if (tiers.length === 0 && policyFile === undefined) {
    throw new UsageError(
      'At least one --tier is needed.',
      'E.g. --tier L1_DDR=64MiB --tier L4_NVME=1GiB.',
    );
  }
  const manager = HardwareTierManager.detect({
    ...(tiers.length === 0 ? {} : { tiers }),
    ...(policyFile === undefined ? {} : { policyFile }),
  });
  const explain = countOption('explain', given.explain, { minimum: 0 });
  const { decisions } = given;
  const chosen = choosePolicy(given.policy, manager);
  return { limit, sizeDivisor, interval, manager, ...chosen, decisions, explain };
}

async function runReplay(
  { json, io }: CommandInput<typeof options>,
  { limit, sizeDivisor, interval: asked, manager, policy, parameters, ...settings }: Settings,
  source: TraceSource,
): Promise<ExitCode> {
  const progress = new Progress(io.stderr);
  using log =
    settings.decisions === undefined
      ? undefined
      : new DecisionLog(settings.decisions, { [policy.name]: parameters });
  const key = settings.explain;
  try {
    const survey = await surveyTrace(source, {
      limit,
      sizeDivisor,
      onProgress: (requests) => progress.update(() => `reading: ${formatCount(requests)} requests`),
    });
    checkFit(survey, manager.tiers);
    const interval = asked ?? defaultInterval(survey, manager.tiers);
    const moves = digestMoves();
    const history = key === undefined ? undefined : followKey(key, policy, () => memory);
    const listeners = [history?.observe, log?.onDecision].filter((one) => one !== undefined);
    await using memory = await TieredMemory.open({
      manager,
      policy,
      maxUnits: maxUnitsFor(interval),
      onMove: moves.onMove,
      ...(listeners.length === 0
        ? {}
        : {
            onDecision: (decision) => {
              for (const listener of listeners) listener(decision);
            },
          }),
      background: false,
      // A limit per second would make the plan depend on the speed of this machine.
      bytesPerSecond: Number.POSITIVE_INFINITY,
    });
    const result = await replay(memory, source, survey, {
      limit,
      interval,
      onProgress: (done, phase) =>
        progress.update(() => {
          const of = phase === 'replay' ? survey.requests : survey.keys.size;
          return `${phase}: ${((done / of) * 100).toFixed(0)} % of ${formatCount(of)}`;
        }),
    });
    progress.clear();
    log?.close();
    const report = replayReport({
      trace: source.name,
      interval,
      sizeDivisor,
      survey,
      result,
      policy: policy.name,
      digest: moves.digest(),
      stats: memory.stats(),
      tiers: manager.tiers,
      limits: manager.limits,
      explained: history && {
        key: key as number,
        now: (await memory.explain(key as number))?.units ?? [],
        history: history.record(),
      },
    });
    if (json) writeJson(io.stdout, report);
    else io.stdout.write(replayText(report, paintFor(io.stdout, io.env)));
    const wrong = report.corruptReads + report.corruptObjects + report.policyErrors;
    return wrong === 0 ? 0 : 1;
  } finally {
    progress.clear();
  }
}

/** The command. */
export const replayCommand: Command = defineCommand({
  name: 'replay',
  summary: 'replay an access trace on real memory and verify every byte',
  description:
    'Replays TRACE, a CSV file with the header key_id,size_bytes,op[,t_UNIT], gzip or plain; "-" is standard ' +
    'input. Each key becomes a real object of its size; reads verify its content, writes change it, and at ' +
    'the end every byte is verified.\n' +
    'Prints the share of requests each tier served, what was moved, and a MODELLED access time. Without ' +
    'background work or clocks in its decisions: the same call gives the same plans (placementDigest). ' +
    'Exit code 1 when a byte was wrong or the trace does not fit.',
  positionals: ['TRACE'],
  options,
  example: 'replay trace.csv.gz --tier L1_DDR=64MiB --tier L4_NVME=1GiB --policy balanced',
  async run(input) {
    const settings = settingsOf(input);
    const source = await openTrace(input.positionals[0], input.io.stdin);
    try {
      return await runReplay(input, settings, source);
    } finally {
      await source.close();
    }
  },
});
