import { describe, expect, test } from 'vitest';
import {
  describeWorkloads,
  isWorkloadText,
  parseWorkload,
  workloadNames,
} from '../../../../lib/simulation/workloads/parse-workload.ts';
import { accessesOf } from './read-keys.ts';

/** Small enough to be read whole; what is needed for that differs. */
function small(name: string): string {
  const size: Record<string, string> = {
    'kv-cache': ',accesses=3000',
    pagerank: ':8,accesses=3000',
    'tpcc-like': ':1,accesses=3000',
  };
  return name + (size[name] ?? ',units=500,accesses=3000');
}

describe.each(workloadNames)('%s', (name) => {
  const text = small(name);

  test('touches every object once in order, then makes as many accesses as asked for', async () => {
    const workload = parseWorkload(text);
    const list = await accessesOf(workload);
    const load = workload.loadRequests!;
    expect(load).toBeGreaterThan(0);
    expect(list).toHaveLength(load + 3000);
    expect(list.slice(0, load).map(({ key }) => key)).toEqual(
      Array.from({ length: load }, (_, key) => key),
    );
  });

  test('makes the same accesses at every pass and in every workload made from its text', async () => {
    const workload = parseWorkload(text);
    const first = await accessesOf(workload);
    expect(await accessesOf(workload)).toEqual(first);
    expect(await accessesOf(parseWorkload(text))).toEqual(first);
  });

  test('gives a key the same size every time, and only valid rows', async () => {
    const sizes = new Map<number, number>();
    const wrong = (await accessesOf(parseWorkload(text))).filter(({ key, sizeBytes, write }) => {
      const before = sizes.get(key) ?? sizeBytes;
      sizes.set(key, sizeBytes);
      const valid = Number.isSafeInteger(key) && key >= 0 && Number.isSafeInteger(sizeBytes);
      return !valid || sizeBytes < 1 || before !== sizeBytes || (write !== 0 && write !== 1);
    });
    expect(wrong).toEqual([]);
  });

  test('makes other accesses from another seed, unless it draws nothing', async () => {
    const first = await accessesOf(parseWorkload(text));
    const other = await accessesOf(parseWorkload(`${text},seed=9`));
    if (name === 'scan' || name === 'loop') expect(other).toEqual(first);
    else expect(other).not.toEqual(first);
  });
});

test('settings are taken, in any order', async () => {
  const workload = parseWorkload('zipf:0.8,accesses=1e3,seed=5,units=100,size=2KiB,writes=1');
  const list = await accessesOf(workload);
  expect(list).toHaveLength(1100);
  expect(new Set(list.map(({ sizeBytes }) => sizeBytes))).toEqual(new Set([2048]));
  // The load phase only brings the objects into being.
  expect(list.filter(({ write }) => write === 1)).toHaveLength(1000);
  expect(
    await accessesOf(
      parseWorkload('zipf,theta=0.8,seed=5,accesses=1000,units=100,size=2048,writes=1'),
    ),
  ).toEqual(list);
});

test('the share of writes changes no key', async () => {
  const reads = await accessesOf(parseWorkload('zipf,units=100,accesses=2000'));
  const mixed = await accessesOf(parseWorkload('zipf,units=100,accesses=2000,writes=0.3'));
  expect(mixed.map(({ key }) => key)).toEqual(reads.map(({ key }) => key));
  const writes = mixed.filter(({ write }) => write === 1).length;
  expect(writes / 2000).toBeGreaterThan(0.25);
  expect(writes / 2000).toBeLessThan(0.35);
});

test.each([
  ['zpif', 'did you mean "zipf"?'],
  ['', 'one of zipf'],
  ['zipf:1', 'anything but 1'],
  ['zipf:x', 'a number from 0.01 to 5'],
  ['zipf:', 'a number from 0.01 to 5'],
  ['zipf:-1', 'a number from 0.01 to 5'],
  ['zipf:9', 'from 0.01 to 5'],
  ['gups:4', 'without a parameter'],
  ['zipf,unit=4', 'did you mean "units"?'],
  ['zipf,units', 'a number from 1'],
  ['zipf,units=0', 'from 1 to 67108864'],
  ['zipf,units=1e9', 'from 1 to 67108864'],
  ['zipf,units=1.5', 'a whole number'],
  ['zipf,seed=1e16', 'a whole number'],
  ['zipf,size=0', 'a positive number of bytes'],
  ['zipf,size=big', 'a positive number of bytes'],
  ['zipf,units=4,units=5', 'given once'],
  ['zipf:0.9,theta=0.8', 'given once'],
  ['zipf,', 'one of the settings'],
  ['zipf,constructor=1', 'one of the settings'],
  ['constructor', 'one of zipf'],
  ['pagerank:40', 'from 8 to 22'],
  ['kv-cache,units=5', 'one of the settings'],
])('"%s" is refused', (text, message) => {
  expect(() => parseWorkload(text)).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining(message),
    }),
  );
});

test('a text is a workload when it begins with the name of one', () => {
  expect(['zipf', 'zipf:0.9', 'scan,units=3'].every(isWorkloadText)).toBe(true);
  expect(['./zipf', 'zipf.csv', '-', '', 'toString'].some(isWorkloadText)).toBe(false);
});

test('every workload is described with its parameter and default', () => {
  expect(describeWorkloads()).toHaveLength(workloadNames.length);
  expect(describeWorkloads()).toContain('zipf:THETA: pages with Zipf popularity (0.99)');
});
