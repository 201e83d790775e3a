/** Makes the kernel believe that the memory under some bytes has failed (Documentation/mm/hwpoison.rst). */

import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';

const pageBytes = 4096;
const presentBit = 1n << 63n;
const frameMask = (1n << 55n) - 1n;

/**
 * Poisons the page that begins with `mark`, at least 16 bytes that nothing else in the process begins a page with.
 * The page must be there: it was written to or read.
 */
export function poisonPageOf(mark: Buffer): void {
  const address = addressOf(mark);
  const frame = frameOf(address);
  writeFileSync('/sys/kernel/debug/hwpoison/corrupt-pfn', `0x${frame.toString(16)}`);
}

/** JavaScript does not tell addresses, so the process's own pages are searched for the mark. */
function addressOf(mark: Buffer): number {
  const memory = openSync('/proc/self/mem', 'r');
  const pagemap = openSync('/proc/self/pagemap', 'r');
  const start = Buffer.alloc(mark.length);
  try {
    for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (from === undefined) continue;
      const last = Number.parseInt(to, 16);
      const pages = (last - Number.parseInt(from, 16)) / pageBytes;
      // The managed memory is the large mappings; a page that is not there is not brought in by looking.
      if (pages < 512) continue;
      const entries = Buffer.alloc(pages * 8);
      readSync(pagemap, entries, 0, entries.length, (Number.parseInt(from, 16) / pageBytes) * 8);
      for (let page = 0; page < pages; page++) {
        if ((entries.readBigUInt64LE(page * 8) & presentBit) === 0n) continue;
        const address = Number.parseInt(from, 16) + page * pageBytes;
        if (isReadable(memory, start, address) && start.equals(mark)) return address;
      }
    }
  } finally {
    closeSync(memory);
    closeSync(pagemap);
  }
  throw new Error('no page of this process begins with the mark');
}

/** V8's own threads give pages back at any time: one that was there a moment ago is an error to read. */
function isReadable(memory: number, into: Buffer, address: number): boolean {
  try {
    return readSync(memory, into, 0, into.length, address) === into.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return false;
    throw error;
  }
}

function frameOf(address: number): bigint {
  const pagemap = openSync('/proc/self/pagemap', 'r');
  try {
    const entry = Buffer.alloc(8);
    readSync(pagemap, entry, 0, 8, (address / pageBytes) * 8);
    const value = entry.readBigUInt64LE(0);
    if ((value & presentBit) === 0n) throw new Error('the page is not in memory');
    return value & frameMask;
  } finally {
    closeSync(pagemap);
  }
}
