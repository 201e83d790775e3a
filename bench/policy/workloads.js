/** What the policies are compared on: the traces of a directory, and the synthetic streams of the reference table. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { loadAccessLog } from '../../dist/simulation/access-log.js';
import { openTrace } from '../../dist/simulation/trace-source.js';
import { narrowed, traceWorkload } from '../../dist/simulation/workload.js';
import { parseWorkload } from '../../dist/simulation/workloads/parse-workload.js';
import { pageTraces, tierSets } from './reference.js';

const loaded = 65_536;
/** The reference's streams, with the rows in which their popularity changes. */
const streams = {
  'syn-gups-hotset': { text: 'gups,seed=1', shifts: [] },
  'syn-gups-shift25': { text: 'gups-shift:25,seed=1', shifts: [1_000_000] },
  'syn-gups-shift100': { text: 'gups-shift:100,seed=1', shifts: [1_000_000] },
  'syn-zipf99': { text: 'zipf:0.99,seed=2', shifts: [] },
  'syn-zipf99-drift': {
    text: 'zipf-drift:0.99,seed=2',
    shifts: Array.from({ length: 19 }, (_, i) => 100_000 * (i + 1)),
  },
  'syn-zipf99-scan': { text: 'zipf-scan:0.99,seed=2', shifts: [] },
};
/** Seeds whose counts are averaged to tell popularity from the luck of one draw. */
const otherSeeds = [101, 102, 103, 104, 105, 106, 107, 108];

/** Names of all workloads; `directory` may be undefined. */
export async function workloadNames(directory) {
  const files = directory === undefined ? [] : await readdir(directory);
  const traces = files.filter((file) => file.endsWith('.csv.gz')).sort();
  return [...traces.map((file) => file.slice(0, -'.csv.gz'.length)), ...Object.keys(streams)];
}

/** Reads one workload into memory, with what the reference assumes about it. */
export async function loadWorkload(name, { directory, limit }) {
  const stream = streams[name];
  const log =
    stream === undefined
      ? await loadTrace(join(directory, `${name}.csv.gz`), pageTraces[name] ?? 1, limit)
      : await loadAccessLog(narrowed(parseWorkload(stream.text), { limit }));
  return {
    name,
    log,
    accessBytes: stream !== undefined || name in pageTraces ? 64 : Infinity,
    /** Identifies the accesses, for results that are kept. */
    identity: async () =>
      stream === undefined ? await fileHash(join(directory, `${name}.csv.gz`)) : stream.text,
    /** Tier sets and weights it is played on; `config` is their name in the reference table. */
    variants: (sets) => variantsOf(stream, log.weight, sets),
    phases: async () => (stream === undefined ? undefined : await phasesOf(stream, log)),
  };
}

function variantsOf(stream, weight, sets) {
  if (stream === undefined) return sets.map((set) => ({ set, config: set, weight }));
  const set = 'dram+cxl-1:8';
  if (!sets.includes(set)) return [];
  return [1, 16].map((times) => ({
    set,
    config: times === 1 ? set : `${set}-w${times}`,
    weight: times,
  }));
}

async function loadTrace(path, weight, limit) {
  const source = await openTrace(path);
  try {
    return await loadAccessLog(traceWorkload(source, { weight, limit }));
  } finally {
    await source.close();
  }
}

async function fileHash(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** The phases of a stream, each with its popularity: what a page can be expected to be accessed. */
async function phasesOf({ text, shifts }, log) {
  const starts = [0, ...shifts.map((at) => loaded + at)].filter((start) => start < log.length);
  const expected = starts.map(() => new Float64Array(log.unitCount));
  for (const seed of otherSeeds) {
    const other = parseWorkload(text.replace(/seed=\d+/, `seed=${seed}`));
    const { unit } = await loadAccessLog(narrowed(other, { limit: log.length }));
    let phase = 0;
    for (let row = 0; row < unit.length; row++) {
      if (row === starts[phase + 1]) phase++;
      expected[phase][unit[row]] += 1 / otherSeeds.length;
    }
  }
  return starts.map((start, index) => ({ start, popularity: expected[index] }));
}

/** A log as a workload, for as many runs as it takes. */
export function logWorkload(log, weight) {
  return {
    name: log.name,
    weight,
    *batches() {
      const most = 65_536;
      const batch = {
        length: 0,
        firstLine: 0,
        key: new Float64Array(most),
        sizeBytes: new Float64Array(most),
        write: new Uint8Array(most),
        time: new Float64Array(most),
      };
      for (let start = 0; start < log.length; start += most) {
        batch.length = Math.min(most, log.length - start);
        for (let row = 0; row < batch.length; row++) {
          const unit = log.unit[start + row];
          batch.key[row] = unit;
          batch.sizeBytes[row] = log.sizeBytes[unit];
          batch.write[row] = log.write[start + row];
        }
        yield batch;
      }
    },
  };
}

/** Tier sets by the name or the beginning of the name given; all without one. */
export function chosenSets(text) {
  const names = Object.keys(tierSets);
  if (text === undefined) return names;
  return text.split(',').map((word) => {
    const found = names.find((name) => name === word) ?? names.find((name) => name.endsWith(word));
    if (found === undefined) throw new RangeError(`--set: one of ${names.join(', ')}, not ${word}`);
    return found;
  });
}
