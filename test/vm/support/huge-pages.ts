/** What the kernel says about transparent huge pages. */

import { readFileSync } from 'node:fs';

/** Bytes of transparent huge pages in this process' mappings whose policy prefers `node`. */
export function hugeBytesOn(node: number): number {
  const starts = new Set<number>();
  for (const line of readFileSync('/proc/self/numa_maps', 'utf8').split('\n')) {
    if (line.includes(` prefer:${node} `)) starts.add(Number.parseInt(line, 16));
  }
  let bytes = 0;
  let inside = false;
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    if (/^[0-9a-f]+-/.test(line)) inside = starts.has(Number.parseInt(line, 16));
    const kibibytes = /^AnonHugePages:\s+(\d+) kB$/.exec(line)?.[1];
    if (inside && kibibytes !== undefined) bytes += Number(kibibytes) * 1024;
  }
  return bytes;
}
