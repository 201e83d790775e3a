import { expect, test } from 'vitest';
import { parseTierOption, parseTierOptions } from '../../../lib/cli/tier-option.ts';

const MiB = 2 ** 20;

test.each([
  ['L1_DDR=64MiB', { name: 'L1_DDR', capacityBytes: 64 * MiB }],
  ['L1_DDR=4194304', { name: 'L1_DDR', capacityBytes: 4 * MiB }],
  ['L0_HBM=64MiB:kind=simulated', { name: 'L0_HBM', capacityBytes: 64 * MiB, kind: 'simulated' }],
  ['L2_CXL=64MiB:node=1', { name: 'L2_CXL', capacityBytes: 64 * MiB, node: 1 }],
  [
    'L2_CXL=64MiB:kind=simulated:node=1',
    { name: 'L2_CXL', capacityBytes: 64 * MiB, node: 1, kind: 'simulated' },
  ],
  [
    'L4_NVME=1GiB:dir=/mnt/a:b c',
    { name: 'L4_NVME', capacityBytes: 1024 * MiB, directory: '/mnt/a:b c' },
  ],
])('%s is understood', (text, options) => {
  expect(parseTierOption(text)).toEqual(options);
});

test.each([
  ['L1_DRR=64MiB', 'there is no tier "L1_DRR"'],
  ['=64MiB', 'there is no tier ""'],
  ['L1_DDR', 'the budget is missing'],
  ['L1_DDR=', '"" is not a size'],
  ['L1_DDR=64MiBs', '"64MiBs" is not a size'],
  ['L1_DDR=-1', '"-1" is not a size'],
  ['L1_DDR=64MiB:speed=1', '"64MiB:speed=1" is not a size'],
  ['L1_DDR=64MiB:node=x', 'node= needs the number of a NUMA node'],
  ['L1_DDR=64MiB:kind=real', 'kind= can only be "simulated"'],
  ['L4_NVME=64MiB:dir=', 'dir= needs a path'],
])('%s is refused', (text, message) => {
  expect(() => parseTierOption(text)).toThrow(message);
});

test('a misspelt tier is guessed', () => {
  let error: unknown;
  try {
    parseTierOption('L1_DRR=64MiB');
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ code: 'ERR_USAGE', hint: 'Did you mean "L1_DDR"?' });
});

test('a tier may be named once', () => {
  expect(parseTierOptions(['L1_DDR=2MiB', 'L4_NVME=4MiB'])).toHaveLength(2);
  expect(() => parseTierOptions(['L1_DDR=2MiB', 'L1_DDR=4MiB'])).toThrow(
    '--tier L1_DDR is given twice',
  );
});
