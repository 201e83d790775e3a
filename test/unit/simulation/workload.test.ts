import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { loadAccessLog } from '../../../lib/simulation/access-log.ts';
import { openTrace } from '../../../lib/simulation/trace-source.ts';
import { narrowed, traceWorkload } from '../../../lib/simulation/workload.ts';
import { surveyWorkload } from '../../../lib/simulation/workload-survey.ts';
import { parseWorkload } from '../../../lib/simulation/workloads/parse-workload.ts';
import { accessesOf } from './workloads/read-keys.ts';

async function trace(lines: readonly string[]) {
  const text = `key_id,size_bytes,op\n${lines.join('\n')}\n`;
  return await openTrace('-', Readable.from([Buffer.from(text)]));
}

test('a trace is a workload that can be played again', async () => {
  const source = await trace(['7,100,r', '3,50,w', '7,100,w']);
  const workload = traceWorkload(source, { weight: 12, limit: 2 });
  const accesses = [
    { key: 7, sizeBytes: 100, write: 0 },
    { key: 3, sizeBytes: 50, write: 1 },
  ];
  expect(workload.weight).toBe(12);
  expect(await accessesOf(workload)).toEqual(accesses);
  expect(await accessesOf(workload)).toEqual(accesses);
  await source.close();
});

test('an access log has units in order of their first access, and their largest sizes', async () => {
  const source = await trace(['7,100,r', '3,50,w', '7,120,w', '9,1,r']);
  const log = await loadAccessLog(traceWorkload(source, { weight: 2 }));
  await source.close();
  expect(log).toMatchObject({ weight: 2, length: 4, unitCount: 3, footprintBytes: 171 });
  expect([...log.unit]).toEqual([0, 1, 0, 2]);
  expect([...log.write]).toEqual([0, 1, 1, 0]);
  expect([...log.sizeBytes]).toEqual([120, 50, 1]);
});

test('an access log grows past its first columns', async () => {
  const workload = parseWorkload('scan,units=5000,accesses=7000,size=10');
  const log = await loadAccessLog(workload);
  expect(log).toMatchObject({ length: 12_000, unitCount: 5000, footprintBytes: 50_000 });
  expect(log.unit.every((unit, row) => unit === (row < 5000 ? row : (row - 5000) % 5000))).toBe(
    true,
  );
});

test('a survey counts requests, units and the sizes units were first seen with', async () => {
  const source = await trace(['7,100,r', '3,50,w', '7,120,w']);
  const seen: number[] = [];
  const survey = await surveyWorkload(traceWorkload(source), (requests) => seen.push(requests));
  await source.close();
  expect(survey).toEqual({ requests: 3, units: 2, footprintBytes: 150 });
  expect(seen).toEqual([3]);
});

test('the beginning of a workload ends in the middle of a batch', async () => {
  const whole = await accessesOf(parseWorkload('zipf,units=10000,accesses=10000'));
  for (const limit of [1, 9999, 10_000, 15_000]) {
    const part = narrowed(parseWorkload('zipf,units=10000,accesses=10000'), { limit });
    expect(await accessesOf(part)).toEqual(whole.slice(0, limit));
    expect(await accessesOf(part)).toHaveLength(limit);
  }
});

test('another weight changes nothing else', async () => {
  const original = parseWorkload('gups-shift,units=100,accesses=50');
  const heavier = narrowed(original, { weight: 16 });
  expect(heavier).toMatchObject({ name: original.name, weight: 16, loadRequests: 100 });
  expect(heavier.shifts).toEqual([125]);
  expect(await accessesOf(heavier)).toEqual(await accessesOf(original));
});
