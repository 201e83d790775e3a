/**
 * Walking through a region on a tier of files whose pages are on the drive, with reading ahead and without, against a
 * program that reads the same pieces of the file itself. Pages are made cold before each walk. TMPDIR says which drive.
 *
 * Without our reading ahead the kernel still does its own: `read_ahead_kb` of the drive decides how much a page fault
 * brings in, and with that how much there is to gain.
 */

import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TieredMemory } from '../../dist/index.js';
import { chunkBytes, requireNative } from '../../dist/native.js';
import { sideBySide } from './harness.js';

const baseline = 'fs.readSync of each piece';
const tmpfsMagic = 0x01021994;

/** The unnamed file of the tier in a directory that is this memory's own. */
function backingFile(directory) {
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const path = `/proc/self/fd/${fd}`;
      if (readlinkSync(path).startsWith(`${directory}/`)) return path;
    } catch {
      // The descriptor that listed the others.
    }
  }
  throw new Error(`no file in ${directory}`);
}

/** Takes a file out of the page cache, mapped or not: writing past the cache does, here of what is there already. */
function makeCold(path, aligned) {
  const fd = openSync(path, constants.O_RDWR | constants.O_DIRECT);
  for (let at = 0; at < fstatSync(fd).size; at += aligned.length) {
    writeSync(fd, aligned, 0, readSync(fd, aligned, 0, aligned.length, at), at);
  }
  closeSync(fd);
}

async function openWalk(directory, bytes, prefetch) {
  const memory = await TieredMemory.open({
    tiers: [{ name: 'L4_NVME', backends: [{ kind: 'file', directory, capacityBytes: bytes }] }],
    background: false,
    prefetch,
  });
  const region = memory.allocate(Uint8Array, bytes);
  for (let at = 0; at < bytes; at += 8) region.view[at] = at >>> 9;
  return { memory, region, path: backingFile(directory) };
}

/** Uses a piece: a byte of each cache line. */
function use(bytes, from, length) {
  let sum = 0;
  for (let at = from; at < from + length; at += 64) sum += bytes[at];
  return sum;
}

/** One table: pieces of `length` bytes, `stride` bytes from one to the next, over a region of `bytes`. */
export async function benchPrefetch({ title, bytes, length, stride, rounds }) {
  if (statfsSync(tmpdir()).type === tmpfsMagic) {
    throw new Error(`${tmpdir()} is in memory; set TMPDIR to a directory on a drive`);
  }
  const heap = requireNative().openHeap({ reserveBytes: chunkBytes });
  const backend = heap.addBackend({ kind: 'simulated', capacityBytes: chunkBytes });
  const aligned = new Uint8Array(heap.buffer(heap.allocate(backend, 1), chunkBytes));
  const directories = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'memory-tiers-bench-')));
  const ahead = await openWalk(directories[0], bytes, true);
  const plain = await openWalk(directories[1], bytes, false);
  const count = Math.floor(bytes / Math.abs(stride));
  const first = stride > 0 ? 0 : bytes - length;
  let sink = 0;

  const timed = (path, action) => () => {
    makeCold(path, aligned);
    const start = process.hrtime.bigint();
    action();
    return Number(process.hrtime.bigint() - start);
  };
  const walk = ({ region, path }) =>
    timed(path, () => {
      const { view } = region;
      for (let i = 0, start = first; i < count; i++, start += stride) {
        region.touch({ start, length });
        sink += use(view, start, length);
      }
    });
  const cases = {
    [baseline]: timed(plain.path, () => {
      const fd = openSync(plain.path, 'r');
      const buffer = Buffer.allocUnsafe(length);
      for (let i = 0, start = first; i < count; i++, start += stride) {
        readSync(fd, buffer, 0, length, start);
        sink += use(buffer, 0, length);
      }
      closeSync(fd);
    }),
    'region.view, prefetch: false': walk(plain),
    'region.view, read ahead': walk(ahead),
  };
  const rows = await sideBySide(cases, { operations: count, baseline, rounds });
  const { issuedBytes, usefulBytes } = ahead.memory.stats().prefetch;
  await ahead.memory.close();
  await plain.memory.close();
  heap.close();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  if (!Number.isFinite(sink)) throw new Error('a byte read back is not a number');
  const useful = `${((100 * usefulBytes) / issuedBytes).toFixed(0)} % of what was read ahead was used`;
  return { title: `${title} over ${bytes >>> 20} MiB; ${useful}`, baseline, rows };
}
