/** Workloads that stand for a kind of program: what makes each what it is. */

import { describe, expect, test } from 'vitest';
import { kroneckerGraph } from '../../../../lib/simulation/workloads/kronecker.ts';
import { parseWorkload } from '../../../../lib/simulation/workloads/parse-workload.ts';
import { TurnQueue } from '../../../../lib/simulation/workloads/turn-queue.ts';
import { type Access, accessesOf } from './read-keys.ts';

/** Accesses after the load phase. */
async function run(text: string): Promise<Access[]> {
  const workload = parseWorkload(text);
  return await accessesOf(workload, workload.loadRequests);
}

const writeShare = (list: readonly Access[]): number =>
  list.filter(({ write }) => write === 1).length / list.length;

describe('ycsb', () => {
  const settings = ',units=10000,accesses=40000';

  test.each([
    ['ycsb-a', 0.5],
    ['ycsb-b', 0.05],
    ['ycsb-c', 0],
    ['ycsb-d', 0.05],
    // Each second operation is a read and a write: one of three accesses.
    ['ycsb-f', 1 / 3],
  ])('%s writes its share', async (name, share) => {
    expect(writeShare(await run(name + settings))).toBeCloseTo(share, 1.7);
  });

  test('a and c read the same popular records, scattered over the keys', async () => {
    const list = await run(`ycsb-c${settings}`);
    const counts = new Map<number, number>();
    for (const { key } of list) counts.set(key, (counts.get(key) ?? 0) + 1);
    const hot = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 100);
    expect(hot.reduce((sum, [, count]) => sum + count, 0) / list.length).toBeGreaterThan(0.4);
    expect(Math.max(...hot.map(([key]) => key))).toBeGreaterThan(5000);
    expect(Math.min(...hot.map(([key]) => key))).toBeLessThan(5000);
  });

  test('d reads what was inserted last', async () => {
    const list = await run(`ycsb-d${settings}`);
    let newest = 9999;
    let near = 0;
    let reads = 0;
    for (const { key, write } of list) {
      if (write === 1) {
        expect(key).toBe(newest + 1);
        newest = key;
      } else {
        reads++;
        if (newest - key < 100) near++;
      }
    }
    expect(newest).toBeGreaterThan(11_000);
    expect(near / reads).toBeGreaterThan(0.4);
  });

  test('e scans 1 to 100 records in order', async () => {
    const list = await run(`ycsb-e${settings}`);
    let lengths = 0;
    let scans = 0;
    for (let at = 0; at < list.length; ) {
      let end = at + 1;
      while (end < list.length && list[end].write === 0 && list[end].key === list[end - 1].key + 1)
        end++;
      if (list[at].write === 0) {
        scans++;
        lengths += end - at;
      }
      at = end;
    }
    expect(lengths / scans).toBeGreaterThan(40);
    expect(lengths / scans).toBeLessThan(60);
  });

  test('f writes the record it has just read', async () => {
    const list = await run(`ycsb-f${settings}`);
    const writes = list.map(({ write }, i) => (write === 1 ? i : -1)).filter((i) => i >= 0);
    expect(writes.every((i) => list[i - 1].key === list[i].key)).toBe(true);
  });
});

describe('kv-cache', () => {
  test('a turn reads the prompt and everything said before, in order, and appends', async () => {
    const workload = parseWorkload('kv-cache:0.001,accesses=2000');
    const load = workload.loadRequests!;
    // So few sessions that the first turns of the first one are alone.
    const list = await accessesOf(workload, load, load + 400);
    const first = list.find(({ key }) => key >= load)!;
    const own = list.filter(({ key }) => key >= first.key && key < first.key + 157);
    expect(own[0]).toMatchObject({ key: first.key, write: 1 });
    const written = new Set<number>();
    let newest = first.key - 1;
    for (const { key, write } of own) {
      if (write === 0) expect(written.has(key)).toBe(true);
      else expect(key === newest || key === newest + 1).toBe(true);
      if (write === 1) newest = key;
      written.add(key);
    }
    expect(newest).toBeGreaterThan(first.key + 2);
    expect(own.every(({ sizeBytes }) => sizeBytes === 160 * 2 ** 20)).toBe(true);
  });

  test('system prompts are shared, the first most', async () => {
    const workload = parseWorkload('kv-cache:5,accesses=100000');
    const load = workload.loadRequests!;
    const list = await accessesOf(workload, load);
    const prompts = list.filter(({ key }) => key < load);
    const firstBlock = prompts.filter(({ key }) => key === 0).length;
    const lastBlock = prompts.filter(({ key }) => key === load - 1).length;
    expect(firstBlock).toBeGreaterThan(4 * lastBlock);
    expect(lastBlock).toBeGreaterThan(0);
  });
});

test('events come out of the queue by time, whatever the order they went in', () => {
  const queue = new TurnQueue();
  const times = [5, 1, 4, 1.5, 9, 2, 6, 0.5, 3, 7];
  for (const [slot, time] of times.entries()) queue.add(time, slot);
  const order: number[] = [];
  while (queue.length > 0) {
    const time = queue.nextTime;
    expect(times[queue.take()]).toBe(time);
    order.push(time);
  }
  expect(order).toEqual([...times].sort((a, b) => a - b));
});

describe('pagerank', () => {
  test('a Kronecker graph has all its edges in both directions, and a few vertices have most', () => {
    const { vertices, offsets, neighbours } = kroneckerGraph(10, 1);
    expect(vertices).toBe(1024);
    expect(offsets[vertices]).toBe(2 * 16 * 1024);
    const pairs = new Map<string, number>();
    for (let vertex = 0; vertex < vertices; vertex++) {
      for (let i = offsets[vertex]; i < offsets[vertex + 1]; i++) {
        const pair = `${vertex}-${neighbours[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      }
    }
    for (const [pair, count] of pairs) {
      const [from, to] = pair.split('-');
      expect(pairs.get(`${to}-${from}`)).toBe(count);
    }
    const degrees = Array.from(
      { length: vertices },
      (_, vertex) => offsets[vertex + 1] - offsets[vertex],
    ).sort((a, b) => b - a);
    const top = degrees.slice(0, 102).reduce((sum, degree) => sum + degree, 0);
    expect(top / offsets[vertices]).toBeGreaterThan(0.4);
  });

  test('reads the neighbours in order and the contributions all over', async () => {
    const workload = parseWorkload('pagerank:10,accesses=4000');
    expect(workload.weight).toBe(12);
    const list = await accessesOf(workload, workload.loadRequests);
    // 1025 offsets of 8 bytes, 32,768 neighbours of 4, 1024 values of 4 twice.
    expect(workload.loadRequests).toBe(3 + 32 + 1 + 1);
    const contributions = list.filter(({ key }) => key === 35).length;
    expect(contributions / list.length).toBeGreaterThan(0.8);
    const pages = list.map(({ key }) => key).filter((key) => key >= 3 && key < 35);
    const back = pages.filter((key, i) => i > 0 && key < pages[i - 1]).length;
    // Once a sweep: 1 of 12 of its 35,000 accesses are in the stream.
    expect(back).toBeLessThanOrEqual(2);
    expect(new Set(pages).size).toBe(32);
  });
});

describe('tpcc-like', () => {
  test('keeps warehouses and districts hot, and orders new', async () => {
    const workload = parseWorkload('tpcc-like:2,accesses=200000');
    const load = workload.loadRequests!;
    expect(load).toBe(2 + 20 + 60_000 + 100_000 + 200_000);
    const list = await accessesOf(workload, load);
    const hot = list.filter(({ key }) => key < 22).length;
    expect(hot / list.length).toBeGreaterThan(0.05);
    const orders = list.filter(({ key }) => key >= load && (key - load) % 2 === 0);
    let newest = -1;
    for (const { key, write } of orders) {
      const order = (key - load) / 2;
      if (order > newest) {
        expect([order, write]).toEqual([newest + 1, 1]);
        newest = order;
      }
    }
    expect(newest).toBeGreaterThan(2000);
    // An order has 5 to 15 lines, and its size says how many.
    for (const { sizeBytes } of orders) {
      const lines = (sizeBytes - 24) / 54;
      expect(Number.isInteger(lines) && lines >= 5 && lines <= 15).toBe(true);
    }
  });
});

describe('embeddings', () => {
  test('half the rows share a small part of the look-ups, and few rows have most', async () => {
    const list = await run('embeddings,units=2000,accesses=100000');
    const counts = new Float64Array(2000);
    for (const { key } of list) counts[key]++;
    counts.sort();
    const sum = (part: Float64Array): number => part.reduce((all, count) => all + count, 0);
    // 0.4 % of the rows with 550 uses each, of 6.9 on average; 47 % with one each.
    expect(sum(counts.slice(-8)) / list.length).toBeCloseTo((0.004 * 550) / 6.9, 1.5);
    expect(sum(counts.slice(0, 946)) / list.length).toBeLessThan(0.1);
  });
});
