/** What it costs a program to have the kernel watch which chunks of a region it uses. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { TieredMemory } from '../../dist/index.js';
import { chunkBytes, requireNative } from '../../dist/native.js';
import { sideBySide } from '../micro/harness.js';

const baseline = 'no tracking';
const pageBytes = 4096;
/** Bytes between two turns of the event loop, so that looks can begin and be taken into account. */
const stepBytes = 8 * chunkBytes;

/**
 * One table: a program that reads a word of every page of a region and writes one in twenty, with each source that
 * works here and with those that `open` chooses, against none. A case runs for `seconds` seconds, after as long to
 * settle. Operations are pages; times are CPU time of the whole process, looks and page faults included.
 */
export async function benchTracking({ bytes = 2 ** 30, seconds = 2, rounds = 5 } = {}) {
  const kinds = requireNative()
    .probeHotnessSources()
    .filter(({ available, kind }) => available && kind !== 'page-cache')
    .map(({ kind }) => kind);
  const shares = new Map();
  const cases = { [baseline]: () => loopOver(bytes, seconds, false) };
  for (const kind of kinds) {
    cases[`${kind}`] = () => loopOver(bytes, seconds, { sources: [kind] }, noteShare(kind));
  }
  cases['as chosen'] = () => loopOver(bytes, seconds, true, noteShare('as chosen'));
  const rows = await sideBySide(cases, { operations: 1, baseline, rounds });
  for (const row of rows) row.name = named(row.name);
  return { title: `a loop over the pages of ${bytes / 2 ** 20} MiB of a region`, baseline, rows };

  function noteShare(kind) {
    return (share) => shares.set(kind, Math.max(share, shares.get(kind) ?? 0));
  }
  function named(kind) {
    const share = shares.get(kind);
    return share === undefined ? kind : `${kind} (${(share * 100).toFixed(2)} % of a core)`;
  }
}

/** The loop in a memory of its own, ns a page. */
async function loopOver(bytes, seconds, tracking, noteShare) {
  const memory = await TieredMemory.open({
    tracking,
    background: false,
    tiers: [{ name: 'L1_DDR', capacityBytes: bytes + 8 * chunkBytes, kind: 'simulated' }],
  });
  try {
    const words = bytes / 8;
    const { view } = memory.allocate(Float64Array, words);
    view.fill(1);
    await loopFor(view, seconds);
    const nsPerPage = await loopFor(view, seconds);
    const { tracking: seen } = memory.stats();
    if (seen !== undefined) {
      if (seen.collections === 0) throw new Error(`${seen.lastError ?? 'nothing was looked at'}`);
      noteShare(seen.costShare);
    }
    return nsPerPage;
  } finally {
    await memory.close();
  }
}

/** Loops for some seconds; CPU time of all threads, in ns a page. */
async function loopFor(view, seconds) {
  const step = stepBytes / 8;
  const page = pageBytes / 8;
  const end = performance.now() + seconds * 1000;
  let pages = 0;
  let sum = 0;
  const before = process.cpuUsage();
  for (let from = 0; performance.now() < end; from = (from + step) % view.length) {
    for (let at = from; at < from + step; at += page) {
      sum += view[at];
      if (at % (20 * page) === 0) view[at] = sum;
    }
    pages += step / page;
    await nextTurn();
  }
  if (Number.isNaN(sum)) throw new Error('a value read back is not a number');
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / pages;
}

/**
 * One table: CPU time of one look at `bytes` bytes, all of them read and a twentieth written since the look before.
 * Operations are GiB looked at.
 */
export async function benchLooks({ bytes = 2 ** 30, rounds = 7 } = {}) {
  const chunks = bytes / chunkBytes;
  const heap = requireNative().openHeap({ reserveBytes: 4 * bytes });
  const backend = heap.addBackend({ kind: 'simulated', capacityBytes: bytes });
  const run = heap.allocate(backend, chunks);
  const view = new Uint8Array(heap.buffer(run, bytes)).fill(1);
  const watched = Uint32Array.from({ length: chunks }, (_, i) => run + i);
  const sources = requireNative()
    .probeHotnessSources()
    .filter(({ available, kind }) => available && kind !== 'page-cache')
    .map(({ kind }) => heap.openHotnessSource(kind));
  const first = 'a pass over the pages themselves';
  const pass = () => {
    const start = process.hrtime.bigint();
    for (let at = 0, sum = 0; at < bytes; at += pageBytes) {
      sum += view[at];
      if (at % (20 * pageBytes) === 0) view[at] = sum;
    }
    return Number(process.hrtime.bigint() - start);
  };
  const cases = { [first]: pass };
  for (const source of sources) {
    source.watch(watched);
    await source.collect();
    cases[source.kind] = async () => {
      pass();
      const { costNs, scannedBytes } = await source.collect();
      return (costNs * bytes) / Math.max(scannedBytes, 1);
    };
  }
  const operations = bytes / 2 ** 30;
  const rows = await sideBySide(cases, { operations, baseline: first, rounds });
  for (const source of sources) source.close();
  heap.close();
  return { title: 'CPU time of a look at 1 GiB', baseline: first, rows };
}
