/**
 * `memory-tiers demo`: an agent's memory of real documents on the five tiers, before and after its data was
 * moved to where it is used.
 */

import { createPolicy } from '../policy/policies.ts';
import { chargedBytes } from '../simulation/footprint.ts';
import { TieredMemory } from '../tiered-memory.ts';
import { HardwareTierManager } from '../tiers/hardware-tier-manager.ts';
import type { TierOptions } from '../tiers/tier-options.ts';
import { type Command, type CommandInput, defineCommand, type ExitCode } from './command.ts';
import { paintFor, writeJson } from './command-io.ts';
import { type Corpus, corpusPackage, loadCorpus } from './demo/corpus.ts';
import { dimensions, embed } from './demo/embedding.ts';
import { type Say, Story } from './demo/story.ts';
import { demoTiers } from './demo/tiers.ts';
import { Progress } from './progress.ts';
import { parseTierOptions, tierOption } from './tier-option.ts';

const options = {
  tier: tierOption,
  policy: { type: 'string', placeholder: 'NAME', help: 'static, lru or balanced (default).' },
  directory: {
    type: 'string',
    placeholder: 'PATH',
    help: 'Where the files of L4_NVME go. Default: a writable mount of a local drive, if there is one.',
  },
} as const;

/** Bytes that all objects will be charged in slabs. */
function chargedDataBytes({ vocabulary, passages }: Corpus): number {
  const vector = chargedBytes(dimensions * Float32Array.BYTES_PER_ELEMENT);
  return passages.reduce(
    (sum, { text }) => sum + vector + chargedBytes(Buffer.byteLength(text)),
    vocabulary.length * vector,
  );
}

/** Where this machine would keep L4_NVME by itself; `auto` leaves it to the library, which may simulate it. */
function driveDirectory(): string {
  const drive = HardwareTierManager.detect().available.find(({ name }) => name === 'L4_NVME');
  const file = drive?.backends.find((backend) => backend.kind === 'file');
  return file?.directory ?? 'auto';
}

async function runDemo(
  { options: given, json, io }: CommandInput<typeof options>,
  tiers: readonly TierOptions[],
): Promise<ExitCode> {
  const begin = performance.now();
  const policy = createPolicy(given.policy ?? 'balanced');
  const progress = new Progress(io.stderr);
  const say: Say = json ? () => {} : (...lines) => io.stdout.write(`${lines.join('\n')}\n`);
  try {
    const corpus = loadCorpus();
    progress.update(() => 'computing vectors');
    const embedding = embed(corpus);
    await using memory = await TieredMemory.open({
      tiers: demoTiers(chargedDataBytes(corpus), tiers, given.directory ?? driveDirectory()),
      policy,
      background: false,
      // Without a clock in its decisions the demo shows the same each time.
      bytesPerSecond: Number.POSITIVE_INFINITY,
    });
    const paint = paintFor(io.stdout, io.env);
    const story = new Story(memory, corpus, embedding, { progress, paint, say });
    const report = await story.run(policy.name, begin);
    if (json) writeJson(io.stdout, report);
    return report.corruptReads + report.corruptObjects === 0 ? 0 : 1;
  } finally {
    progress.clear();
  }
}

/** The command. */
export const demoCommand: Command = defineCommand({
  name: 'demo',
  summary: 'store real documents on five tiers and move them by their use',
  description:
    "Shows the package at work on an agent's memory: real texts and their embedding vectors, stored over " +
    'five tiers, read as an agent reads them, then moved by optimizePlacement(). Prints what each tier ' +
    'holds and serves before and after, a picture of where the data lies, and what was moved and why.\n' +
    'Tiers this machine lacks are simulated in ordinary memory and say so; access times are modelled. ' +
    `The text is the npm package ${corpusPackage}, a development dependency.`,
  positionals: [],
  options,
  example: 'demo',
  async run(input) {
    return await runDemo(input, parseTierOptions(input.options.tier));
  },
});
