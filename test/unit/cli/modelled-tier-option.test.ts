import { describe, expect, test } from 'vitest';
import {
  needsFootprint,
  parseModelledTiers,
  sizedTiers,
} from '../../../lib/cli/modelled-tier-option.ts';
import { defaultSpecs } from '../../../lib/tiers/tier-defaults.ts';

const MiB = 2 ** 20;

describe('modelled tiers', () => {
  test('have the default figures and any that are given', () => {
    const [ddr, cxl] = parseModelledTiers([
      'L2_CXL,latency=300,read-bandwidth=30GB/s,cost=0.4',
      'L1_DDR=64MiB,read-latency=90ns,write-latency=0.1us,bandwidth=200GB/s',
    ]);
    expect(ddr).toEqual({
      tier: {
        name: 'L1_DDR',
        readLatencyNs: 90,
        writeLatencyNs: 100,
        readBytesPerSecond: 200e9,
        writeBytesPerSecond: 200e9,
        costPerGiBMonth: defaultSpecs.L1_DDR.costPerGiBMonth.value,
      },
      budget: { bytes: 64 * MiB },
    });
    expect(cxl).toEqual({
      tier: {
        name: 'L2_CXL',
        readLatencyNs: 300,
        writeLatencyNs: 300,
        readBytesPerSecond: 30e9,
        writeBytesPerSecond: defaultSpecs.L2_CXL.writeBytesPerSecond.value,
        costPerGiBMonth: 0.4,
      },
      budget: undefined,
    });
  });

  test('may have a share of all objects, and the slowest all that is left', () => {
    const tiers = parseModelledTiers(['L1_DDR=12.5%', 'L2_CXL=1MiB', 'L4_NVME']);
    expect(needsFootprint(tiers)).toBe(true);
    expect(sizedTiers(tiers, 800).map(({ capacityBytes }) => capacityBytes)).toEqual([
      100,
      MiB,
      Infinity,
    ]);
    expect(needsFootprint(parseModelledTiers(['L1_DDR=1MiB', 'L4_NVME']))).toBe(false);
  });

  test('wear out only where an endurance is given', () => {
    const [plain, rated] = parseModelledTiers(['L1_DDR=1MiB', 'L4_NVME,endurance=500GB/day']);
    expect(plain.tier.writeBytesPerDay).toBeUndefined();
    expect(rated.tier.writeBytesPerDay).toBe(500e9);
    expect(() => parseModelledTiers(['L4_NVME,endurance=much'])).toThrow('500GB/day');
  });

  test('take settings after colons as well', () => {
    expect(parseModelledTiers(['L1_DDR=1MiB:latency=80:cost=2'])).toEqual(
      parseModelledTiers(['L1_DDR=1MiB,latency=80,cost=2']),
    );
  });

  test.each([
    [[], 'At least one --tier is needed'],
    [['L1_DRR=64MiB'], 'there is no tier "L1_DRR"'],
    [['L1_DDR=0%'], '"0%" is not a budget'],
    [['L1_DDR=-5%'], '"-5%" is not a budget'],
    [['L1_DDR='], '"" is not a budget'],
    [['L1_DDR=64MiBs'], '"64MiBs" is not a budget'],
    [['L1_DDR', 'L2_CXL'], 'only the slowest tier may do without a budget'],
    [['L1_DDR=1MiB', 'L1_DDR=2MiB'], '--tier L1_DDR is given twice'],
    [['L1_DDR=1MiB,speed=3'], 'there is no setting "speed"'],
    [['L1_DDR=1MiB,constructor=3'], 'there is no setting "constructor"'],
    [['L1_DDR=1MiB,'], 'there is no setting ""'],
    [['L1_DDR=1MiB,latency'], 'latency= needs nanoseconds'],
    [['L1_DDR=1MiB,latency=0'], 'latency= needs nanoseconds'],
    [['L1_DDR=1MiB,latency=3h'], 'latency= needs nanoseconds'],
    [['L1_DDR=1MiB,bandwidth=fast'], 'bandwidth= needs bytes a second'],
    [['L1_DDR=1MiB,cost=-1'], 'cost= needs a number'],
  ])('%j are refused', (texts, message) => {
    expect(() => parseModelledTiers(texts)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining(message) }),
    );
  });

  test('guess what a misspelt name was meant to be', () => {
    const hint = (text: string): unknown => {
      try {
        return parseModelledTiers([text]);
      } catch (error) {
        return (error as { hint?: string }).hint;
      }
    };
    expect(hint('L1_DRR=1MiB')).toBe('Did you mean "L1_DDR"?');
    expect(hint('L1_DDR=1MiB,latncy=3')).toBe('Did you mean "latency="?');
  });
});
