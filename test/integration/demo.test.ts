import { describe, expect, test, vi } from 'vitest';
import { runCli } from '../../lib/cli/cli.ts';
import type { Corpus } from '../../lib/cli/demo/corpus.ts';
import type { DemoReport } from '../../lib/cli/demo/report.ts';
import { demoCommand } from '../../lib/cli/demo.ts';
import { captureIo } from '../support/capture-io.ts';

const timeoutMs = 120_000;

/** The first year of the text that is told in words: what is shown does not depend on how much there is. */
const firstYear = vi.hoisted(() => ({ value: 0 }));
vi.mock('../../lib/cli/demo/corpus.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../lib/cli/demo/corpus.ts')>();
  return {
    ...original,
    loadCorpus: (): Corpus => since(firstYear.value, original.loadCorpus()),
  };
});

/** The passages of some years, and the words there are in them. */
function since(firstYear: number, { passages, vocabulary, ...corpus }: Corpus): Corpus {
  const known: string[] = [];
  const numbers = new Map<number, number>();
  const renumbered = (word: number): number => {
    let number = numbers.get(word);
    if (number === undefined) {
      number = known.push(vocabulary[word]) - 1;
      numbers.set(word, number);
    }
    return number;
  };
  const kept = passages.filter(({ year }) => year >= firstYear);
  return {
    ...corpus,
    passages: kept.map((passage) => ({ ...passage, words: passage.words.map(renumbered) })),
    vocabulary: known,
  };
}

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
      expect(report.data.objects).toBe(60_191);
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
      firstYear.value = 1950;
      const code = await runCli(['demo', '--policy', 'lru', ...tiers], [demoCommand], io);
      expect({ code, err: io.err() }).toEqual({ code: 0, err: '' });
      const text = io.out();
      for (const line of [
        /L0_HBM +SIMULATED/,
        /233 State of the Union addresses, 1950 to 2021/,
        /memory\.optimizePlacement\(\)\nmoved [\d,]+ objects/,
        /passages by decade/,
        /MODELLED/,
        /all in L1_DDR/,
        /moved by its heat/,
        /Every byte read was the byte stored; all [\d,]+ objects verified/,
      ]) {
        expect(text).toMatch(line);
      }
    },
    timeoutMs,
  );
});
