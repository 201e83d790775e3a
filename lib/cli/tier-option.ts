/** `--tier NAME=SIZE[:dir=PATH|:node=N|:kind=simulated]…` as the tier options of the library. */

import { parseByteSize } from '../tiers/byte-size.ts';
import { nearestWord } from '../tiers/option-checks.ts';
import { type TierName, tierNames } from '../tiers/tier.ts';
import type { TierOptions } from '../tiers/tier-options.ts';
import { type OptionSpec, UsageError } from './command.ts';

/** Put this under `tier` in a command's options. */
export const tierOption: OptionSpec & { readonly type: 'string'; readonly multiple: true } = {
  type: 'string',
  multiple: true,
  placeholder: 'NAME=SIZE[:SETTING…]',
  help:
    `A tier and its budget, e.g. L1_DDR=64MiB. Names: ${tierNames.join(', ')}. ` +
    'Settings: dir=PATH (files of L3_PMEM and L4_NVME), node=N (NUMA node), kind=simulated. ' +
    'A tier the machine has no hardware for is simulated in ordinary memory. Repeatable.',
};

/** Only before a known setting, so that paths may hold colons. */
const settingStart = /:(?=(?:dir|node|kind)=)/;

function tierName(text: string, argument: string): TierName {
  const name = tierNames.find((known) => known === text);
  if (name !== undefined) return name;
  const guess = nearestWord(text, tierNames);
  throw new UsageError(
    `--tier ${argument}: there is no tier "${text}".`,
    guess === undefined ? `The tiers are ${tierNames.join(', ')}.` : `Did you mean "${guess}"?`,
  );
}

function setting(text: string, argument: string): Partial<TierOptions> {
  const value = text.slice(text.indexOf('=') + 1);
  if (text.startsWith('dir=')) {
    if (value === '') throw new UsageError(`--tier ${argument}: dir= needs a path.`);
    return { directory: value };
  }
  if (text.startsWith('node=')) {
    if (!/^\d+$/.test(value)) {
      throw new UsageError(`--tier ${argument}: node= needs the number of a NUMA node.`);
    }
    return { node: Number(value) };
  }
  if (value !== 'simulated') {
    throw new UsageError(`--tier ${argument}: kind= can only be "simulated", not "${value}".`);
  }
  return { kind: 'simulated' };
}

/** Parses one `--tier`. Throws {@link UsageError}. */
export function parseTierOption(argument: string): TierOptions {
  const [head, ...settings] = argument.split(settingStart);
  const equals = head.indexOf('=');
  const name = tierName(equals < 0 ? head : head.slice(0, equals), argument);
  if (equals < 0) {
    throw new UsageError(
      `--tier ${argument}: the budget is missing.`,
      `Write e.g. --tier ${name}=64MiB.`,
    );
  }
  let capacityBytes: number;
  try {
    capacityBytes = parseByteSize(name, head.slice(equals + 1));
  } catch {
    throw new UsageError(
      `--tier ${argument}: "${head.slice(equals + 1)}" is not a size.`,
      'Sizes are bytes or e.g. 64MiB, 1.5GiB, 2GB; settings are dir=PATH, node=N, kind=simulated.',
    );
  }
  return Object.assign(
    { name, capacityBytes },
    ...settings.map((text) => setting(text, argument)),
  ) as TierOptions;
}

/** Parses all `--tier` options; a tier may be named once. Throws {@link UsageError}. */
export function parseTierOptions(texts: readonly string[]): TierOptions[] {
  const tiers = texts.map(parseTierOption);
  for (const [index, { name }] of tiers.entries()) {
    if (tiers.findIndex((other) => other.name === name) !== index) {
      throw new UsageError(`--tier ${name} is given twice.`);
    }
  }
  return tiers;
}
