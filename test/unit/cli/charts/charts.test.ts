import { beforeAll, describe, expect, test } from 'vitest';
import { type AdviseOptions, advise } from '../../../../lib/advise/advise.ts';
import type { PricedTier } from '../../../../lib/advise/candidates.ts';
import { type Demand, measureDemand } from '../../../../lib/advise/measure-demand.ts';
import type { AdviceFacts } from '../../../../lib/cli/advise-report.ts';
import { adviceHtml } from '../../../../lib/cli/charts/advice-html.ts';
import { adviceSvg } from '../../../../lib/cli/charts/advice-svg.ts';
import { costChart } from '../../../../lib/cli/charts/cost-chart.ts';
import { missChart } from '../../../../lib/cli/charts/miss-chart.ts';
import { plotArea, plotSize } from '../../../../lib/cli/charts/plot.ts';
import { linearScale, logScale } from '../../../../lib/cli/charts/scale.ts';
import { overlap, textWidth } from '../../../../lib/cli/charts/svg.ts';
import { defaultCosts } from '../../../../lib/policy/cost-model.ts';
import { tierNames } from '../../../../lib/tiers/tier.ts';
import { defaultSpecs } from '../../../../lib/tiers/tier-defaults.ts';
import { readXml } from '../../../support/xml.ts';
import { listWorkload, zipfAccesses } from '../../advise/workloads.ts';

const tiers: PricedTier[] = tierNames.map((name) => {
  const {
    readLatencyNs,
    writeLatencyNs,
    readBytesPerSecond,
    writeBytesPerSecond,
    costPerGiBMonth,
  } = defaultSpecs[name];
  return {
    name,
    readLatencyNs: readLatencyNs.value,
    writeLatencyNs: writeLatencyNs.value,
    readBytesPerSecond: readBytesPerSecond.value,
    writeBytesPerSecond: writeBytesPerSecond.value,
    costPerGiBMonth: costPerGiBMonth.value,
  };
});
const bought = tiers.filter(({ name }) => name !== 'L0_HBM' && name !== 'L3_PMEM');

const demands: Demand[] = [];
/** Every demand in every case. */
const all: AdviceFacts[] = [];
beforeAll(async () => {
  const zipf = zipfAccesses(2000, 20_000, 0.9);
  const loop = Array.from({ length: 9000 }, (_, i) => ({ key: i % 900, bytes: 4096 }));
  const fresh = Array.from({ length: 3000 }, (_, key) => ({ key, bytes: 100 }));
  const single = [{ key: 1, bytes: 1 }];
  for (const list of [zipf, loop, fresh, single]) {
    const demand = await measureDemand(listWorkload(list));
    demands.push(demand);
    all.push(...cases.map((options) => factsOf(demand, options)));
  }
}, 60_000);

const cases: readonly Omit<AdviseOptions, 'footprintBytes'>[] = [
  { tiers: bought },
  { tiers: bought, slowdown: 1 },
  { tiers: bought, slowdown: 1.5 },
  { tiers: bought, slowdown: 1e6 },
  { tiers: bought, budget: 900 },
  { tiers, slowdown: 3 },
  { tiers: bought.slice(0, 1) },
];

function factsOf(demand: Demand, options: Omit<AdviseOptions, 'footprintBytes'>): AdviceFacts {
  const advice = advise(demand, { ...options, footprintBytes: 2 ** 40 });
  return { demand, advice, costs: defaultCosts, unit: 'USD', verifications: [] };
}

describe('charts', () => {
  test('have all their labels inside, none over another', () => {
    let labels = 0;
    for (const { demand, advice } of all) {
      const cost = costChart(advice, 'USD').labels;
      const miss = missChart(demand, advice).labels;
      // The chosen point, everything in each tier, the target; the bounds and both curves.
      expect(cost).toHaveLength(2 + advice.tiers.length);
      const bounds = advice.chosen.capacityBytes.filter((bytes) => bytes > 0).length - 1;
      expect(miss).toHaveLength(2 + bounds);
      for (const chart of [cost, miss]) {
        for (const [i, { box, text }] of chart.entries()) {
          labels++;
          expect(box.right - box.left).toBeGreaterThanOrEqual(textWidth(text) - 1e-9);
          expect(box.left).toBeGreaterThanOrEqual(plotArea.left);
          expect(box.right).toBeLessThanOrEqual(plotArea.right);
          expect(box.top).toBeGreaterThanOrEqual(plotArea.top);
          expect(box.bottom).toBeLessThanOrEqual(plotArea.bottom);
          for (const other of chart.slice(i + 1)) expect(overlap(box, other.box)).toBe(false);
        }
      }
    }
    expect(labels).toBeGreaterThan(150);
  });

  test('draw nothing outside their frame, and ticks that do not touch', () => {
    for (const { demand, advice } of all) {
      for (const { content } of [costChart(advice, 'USD'), missChart(demand, advice)]) {
        const elements = readXml(`<g>${content}</g>`);
        const numbers = elements.flatMap(({ name, attributes }) =>
          name === 'path'
            ? [...attributes.d.matchAll(/-?[\d.]+|NaN|Infinity/g)].map(([n]) => Number(n))
            : ['x1', 'x2', 'y1', 'y2', 'cx', 'cy'].flatMap((key) =>
                attributes[key] === undefined ? [] : [Number(attributes[key])],
              ),
        );
        for (const number of numbers) {
          expect(number).toBeGreaterThanOrEqual(0);
          expect(number).toBeLessThanOrEqual(plotSize.width);
        }
        const ticks = elements
          .filter(({ attributes }) => attributes.class === 'muted')
          .filter(({ attributes }) => attributes['text-anchor'] === 'middle')
          .map(({ attributes, text }) => ({
            left: Number(attributes.x) - textWidth(text) / 2,
            right: Number(attributes.x) + textWidth(text) / 2,
          }));
        for (const [i, { left, right }] of ticks.entries()) {
          expect(left).toBeGreaterThanOrEqual(0);
          expect(right).toBeLessThanOrEqual(plotSize.width);
          if (i > 0) expect(left).toBeGreaterThan(ticks[i - 1].right);
        }
      }
    }
  });
});

describe('the documents', () => {
  const hostile = `<a href="x">&amp; 'trace'</a>`;

  test('are well-formed, say that they are modelled, and need nothing from outside', () => {
    const facts = factsOf({ ...demands[0], workload: hostile }, cases[0]);
    for (const document of [adviceSvg(facts), adviceHtml(facts)]) {
      const elements = readXml(document);
      const text = elements.map((element) => element.text).join(' ');
      expect(text).toContain('MODELLED');
      expect(text).toContain('&lt;a href=&quot;x&quot;&gt;&amp;amp;');
      expect(text).toContain('fast memory (log scale)');
      expect(text).toContain('bill a month, USD');
      expect(
        elements.filter(({ name }) => ['script', 'image', 'link', 'img', 'a'].includes(name)),
      ).toEqual([]);
      expect(document.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(
        /https?:|@import|url\(/,
      );
      expect(document).toContain('prefers-color-scheme:dark');
    }
  });

  test('hold the same table as the text', () => {
    const page = readXml(adviceHtml(factsOf(demands[0], cases[0])));
    const cells = page.filter(({ name }) => name === 'td').map(({ text }) => text);
    expect(cells).toContain('chosen');
    expect(cells).toContain('all in L4_NVME');
    expect(cells.filter((cell) => cell === '1.000').length).toBeGreaterThan(0);
  });

  test('keep every line of text within the picture', () => {
    for (const { name, attributes, text } of readXml(adviceSvg(factsOf(demands[0], cases[5])))) {
      if (name !== 'text' || attributes.x !== '24') continue;
      const size = attributes.class === 'title' ? 19 : 12;
      expect(24 + textWidth(text, size)).toBeLessThanOrEqual(plotSize.width);
    }
  });
});

describe('axes', () => {
  test('put the ends where they belong and ticks on round values', () => {
    const linear = linearScale(7168, 340, 40);
    expect(linear.ticks).toEqual([0, 2000, 4000, 6000, 8000]);
    expect([linear.at(0), linear.at(4000), linear.at(9000)]).toEqual([340, 190, 40]);
    const log = logScale(1e-3, 10, 10, 0, 100);
    expect(log.ticks.map((tick) => tick.toPrecision(1))).toEqual([
      '0.001',
      '0.01',
      '0.1',
      '1',
      '1e+1',
    ]);
    expect([log.at(1e-9), log.at(0.1), log.at(10)]).toEqual([0, expect.closeTo(50), 100]);
    expect(logScale(2 ** 10, 2 ** 40, 2, 0, 1, 8).ticks.length).toBeLessThanOrEqual(8);
  });
});
