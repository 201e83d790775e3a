/** `memory-tiers advise`: which tiers, how large, for a target at the lowest bill. */

import { writeFile } from 'node:fs/promises';
import { advise } from '../advise/advise.ts';
import type { PricedTier } from '../advise/candidates.ts';
import { type Demand, measureDemand } from '../advise/measure-demand.ts';
import { type Verification, verifyCandidate } from '../advise/verify.ts';
import { TierError } from '../errors.ts';
import { defaultCosts } from '../policy/cost-model.ts';
import type { Workload } from '../simulation/workload.ts';
import { parseByteSize } from '../tiers/byte-size.ts';
import { positiveOption, pricedTiers } from './advise-options.ts';
import { type AdviceFacts, adviceJson, adviceText } from './advise-report.ts';
import { relativeUnit } from './bill.ts';
import { adviceHtml } from './charts/advice-html.ts';
import { adviceSvg } from './charts/advice-svg.ts';
import {
  type Command,
  type CommandInput,
  countOption,
  defineCommand,
  type ExitCode,
  UsageError,
} from './command.ts';
import { paintFor, writeJson } from './command-io.ts';
import { formatCount } from './format.ts';
import { openWorkload } from './open-workload.ts';
import { Progress } from './progress.ts';

const options = {
  tiers: {
    type: 'string',
    placeholder: 'NAMES',
    help: 'Tiers to choose from, with commas between. Default: L1_DDR,L2_CXL,L4_NVME.',
  },
  slowdown: {
    type: 'string',
    placeholder: 'FACTOR',
    help: 'The cheapest that is at most this much slower than everything in the fastest tier. Default 1.05.',
  },
  budget: {
    type: 'string',
    placeholder: 'BILL',
    help: 'Instead: the fastest for at most this a month, in the unit of the prices.',
  },
  price: {
    type: 'string',
    multiple: true,
    placeholder: 'TIER=PRICE',
    help: "Price of a GiB-month, in any unit. Others keep their default ratio to L1_DDR's. Default: L1_DDR=1. Repeatable.",
  },
  currency: { type: 'string', placeholder: 'NAME', help: 'Unit of the prices, e.g. USD.' },
  latency: {
    type: 'string',
    multiple: true,
    placeholder: 'TIER=NS',
    help: 'Latency of reads and writes in nanoseconds. Repeatable.',
  },
  footprint: {
    type: 'string',
    placeholder: 'SIZE',
    help: 'What the sizes are for, e.g. 2TiB: the trace is taken for a small likeness of it.',
  },
  'sample-rate': {
    type: 'string',
    placeholder: 'SHARE',
    help: 'Follow only this share of the objects, e.g. 0.01.',
  },
  'sample-keys': {
    type: 'string',
    placeholder: 'N',
    help: 'Follow at most N objects; with fewer the result is exact. Default 1048576, which takes up to 600 MB.',
  },
  limit: { type: 'string', placeholder: 'N', help: 'Only the first N requests.' },
  weight: {
    type: 'string',
    placeholder: 'N',
    help: 'Accesses that one request stands for. Default: as the workload says, 1 for traces.',
  },
  verify: {
    type: 'boolean',
    help: 'Simulate the chosen point with the policies of this library; needs 80 bytes an object.',
  },
  svg: { type: 'string', placeholder: 'FILE', help: 'Write both charts to an SVG file.' },
  html: { type: 'string', placeholder: 'FILE', help: 'Write table and charts to an HTML file.' },
} as const;

type Given = CommandInput<typeof options>['options'];

interface Settings {
  readonly tiers: readonly PricedTier[];
  readonly unit: string;
  readonly slowdown: number | undefined;
  readonly budget: number | undefined;
  readonly footprintBytes: number | undefined;
  readonly rate: number | undefined;
  readonly maxKeys: number | undefined;
  readonly limit: number | undefined;
  readonly weight: number | undefined;
}

/** Everything that can be wrong with the call is found here, before the trace is read. */
function settingsOf(given: Given): Settings {
  const slowdown = positiveOption('slowdown', given.slowdown);
  const budget = positiveOption('budget', given.budget);
  if (slowdown !== undefined && budget !== undefined) {
    throw new UsageError('Either --slowdown or --budget.', 'The other one is the result.');
  }
  if (slowdown !== undefined && slowdown < 1) {
    throw new UsageError(`--slowdown must be at least 1, not "${given.slowdown}".`);
  }
  const rate = positiveOption('sample-rate', given['sample-rate']);
  if (rate !== undefined && rate > 1) {
    throw new UsageError(`--sample-rate must be at most 1, not "${given['sample-rate']}".`);
  }
  const priced = given.price.length > 0;
  if (given.currency !== undefined && !priced) {
    throw new UsageError('--currency needs prices: --price L1_DDR=…');
  }
  return {
    tiers: pricedTiers(given),
    unit: given.currency ?? (priced ? 'as priced' : relativeUnit),
    slowdown,
    budget,
    footprintBytes:
      given.footprint === undefined ? undefined : parseByteSize('footprint', given.footprint),
    rate,
    maxKeys: countOption('sample-keys', given['sample-keys'], { minimum: 16 }),
    limit: countOption('limit', given.limit, { minimum: 1 }),
    weight: countOption('weight', given.weight, { minimum: 1 }),
  };
}

async function writeReport(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    const { message } = cause as Error;
    throw new TierError('ERR_TIER_IO', `The report could not be written: ${message}`, {
      hint: 'Check the directory and its permissions.',
      cause,
    });
  }
}

async function runAdvise(
  { options: given, json, io }: CommandInput<typeof options>,
  settings: Settings,
  workload: Workload,
): Promise<ExitCode> {
  const progress = new Progress(io.stderr);
  try {
    const demand: Demand = await measureDemand(workload, {
      ...settings,
      onProgress: (requests) => progress.update(() => `reading: ${formatCount(requests)} requests`),
    });
    const advice = advise(demand, settings);
    const { chosen, fastestNs, tiers } = advice;
    const verifications: Verification[] = [];
    // The policy that places by what the chosen point goes by, beside the default.
    const policies =
      chosen.basis === 'recency' ? (['balanced', 'lru'] as const) : (['balanced'] as const);
    for (const policy of given.verify ? policies : []) {
      verifications.push(
        await verifyCandidate(workload, tiers, chosen, fastestNs, {
          policy,
          onProgress: (requests) =>
            progress.update(() => `simulating ${policy}: ${formatCount(requests)} requests`),
        }),
      );
    }
    progress.clear();
    const { unit } = settings;
    const facts: AdviceFacts = { demand, advice, costs: defaultCosts, unit, verifications };
    if (given.svg !== undefined) await writeReport(given.svg, adviceSvg(facts));
    if (given.html !== undefined) await writeReport(given.html, adviceHtml(facts));
    if (json) writeJson(io.stdout, adviceJson(facts));
    else io.stdout.write(adviceText(facts, paintFor(io.stdout, io.env)));
    return 0;
  } finally {
    progress.clear();
  }
}

/** The command. */
export const adviseCommand: Command = defineCommand({
  name: 'advise',
  summary: 'find the cheapest tier sizes for a target, or the fastest for a budget',
  description:
    'Takes TRACE, a CSV file with the header key_id,size_bytes,op[,t_UNIT], gzip or plain ("-" is standard input), ' +
    'or a synthetic WORKLOAD such as zipf:0.99, and compares sizes of the tiers: what each costs a month and how long an access takes on average, MODELLED ' +
    'from the figures of the tiers. Prints the cheapest that meets the target, or the fastest within the budget, ' +
    'beside its neighbours and everything in one tier.\n' +
    'How much room an access needs is measured exactly up to a million objects, beyond by spatial sampling with its ' +
    'error. Placement by frequency and by recency are both judged on the second half of the requests.',
  positionals: ['TRACE|WORKLOAD'],
  options,
  example:
    'advise trace.csv.gz --price L1_DDR=3.5 --currency USD --footprint 2TiB --html advice.html',
  async run(input) {
    const settings = settingsOf(input.options);
    const { workload, close } = await openWorkload(input.positionals[0], input.io.stdin, settings);
    try {
      return await runAdvise(input, settings, workload);
    } finally {
      await close();
    }
  },
});
