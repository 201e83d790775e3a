import { describe, expect, test } from 'vitest';
import { runCli } from '../../lib/cli/cli.ts';
import type { DemoReport } from '../../lib/cli/demo/report.ts';
import { demoCommand } from '../../lib/cli/demo.ts';
import { captureIo } from '../support/capture-io.ts';

const timeoutMs = 120_000;

/** A machine of one's own makes no difference to what the demo must show. */
const tiers = [
  'L0_HBM=8MiB',
  'L1_DDR=16MiB',
  'L2_CXL=30MiB',
  'L3_PMEM=58MiB',
  'L4_NVME=200MiB',
].map((tier) => `--tier=${tier}:kind=simulated`);

describe('the demo', () => {
  test(
    'moves real data by its use, keeps every byte, and shows that it pays',
    async () => {
      const io = captureIo();
      const code = await runCli(['demo', '--json', ...tiers], [demoCommand], io);
      expect(io.err()).toBe('');
      expect(code).toBe(0);
      const report = JSON.parse(io.out()) as DemoReport;
      expect(report).toMatchObject({ policy: 'balanced', corruptReads: 0, corruptObjects: 0 });
      expect(report.data.objects).toBeGreaterThan(50_000);
      expect(report.optimization.moved).toBeGreaterThan(1000);
      const moves = report.optimization.groups.reduce((sum, group) => sum + group.moves, 0);
      expect(moves).toBe(report.optimization.moved);
      for (const held of [report.heldBefore, report.heldAfter]) {
        expect(held.reduce((sum, { objects }) => sum + objects, 0)).toBe(report.data.objects);
        expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(report.data.bytes);
      }
      for (const chapter of [report.before, report.after]) {
        expect(chapter.accesses).toBeGreaterThan(50_000);
        const hits = chapter.tiers.reduce((sum, tier) => sum + tier.hits, 0);
        expect(hits).toBe(chapter.accesses);
      }
      const [hbm, ddr, unmoved, moved] = report.alternatives;
      expect(moved.modelledAccessNs).toBe(report.after.modelledAccessNs);
      expect(moved.modelledAccessNs).toBeLessThan(unmoved.modelledAccessNs);
      expect(moved.costPerMonth).toBeLessThan(ddr.costPerMonth);
      expect(ddr.costPerMonth).toBeLessThan(hbm.costPerMonth);
    },
    timeoutMs,
  );

  test(
    'tells its story in words, and says which tiers are simulated',
    async () => {
      const io = captureIo();
      expect(await runCli(['demo', '--policy', 'lru', ...tiers], [demoCommand], io)).toBe(0);
      const text = io.out();
      for (const line of [
        /L0_HBM +SIMULATED/,
        /233 State of the Union addresses, 1790 to 2021/,
        /memory\.optimizePlacement\(\)\nmoved [\d,]+ objects/,
        /passages by decade/,
        /MODELLED/,
        /all in L1_DDR/,
        /moved by its heat/,
        /Every byte read was the byte stored; all 60,191 objects verified/,
      ]) {
        expect(text).toMatch(line);
      }
    },
    timeoutMs,
  );
});
