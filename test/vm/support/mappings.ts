/** What the kernel says about this process' mappings, in /proc/self/smaps and /proc/self/numa_maps. */

import { readFileSync } from 'node:fs';

/** One mapping. */
export interface Mapping {
  readonly bytes: number;
  readonly permissions: string;
  /** The file mapped; empty for anonymous memory. */
  readonly path: string;
  /** As numa_maps has it, e.g. `prefer:2`, `default`. */
  readonly policy: string;
  readonly pagesByNode: Readonly<Record<number, number>>;
  /** Lines of smaps in KiB: `Rss`, `AnonHugePages`, `KernelPageSize` and so on. */
  readonly kB: Readonly<Record<string, number>>;
  /** `VmFlags`, e.g. `sf`: stores to it are durable once flushed (MAP_SYNC). */
  readonly flags: readonly string[];
}

const readable = (): Map<string, string> =>
  new Map(
    readFileSync('/proc/self/numa_maps', 'utf8')
      .split('\n')
      .map((line) => [line.split(' ', 1)[0], line]),
  );

/** The mapping of exactly `bytes` that can be written; throws unless there is one. */
export function writableMapping(bytes: number): Mapping {
  const policies = readable();
  const found = [];
  for (const entry of readFileSync('/proc/self/smaps', 'utf8').split(
    /^(?=[0-9a-f]+-[0-9a-f]+ )/m,
  )) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)\n/.exec(entry);
    if (head === null) continue;
    const [, start, end, permissions, path] = head;
    if (Number.parseInt(end, 16) - Number.parseInt(start, 16) !== bytes) continue;
    if (!permissions.startsWith('rw')) continue;
    const line = policies.get(start) ?? '';
    const nodes = [...line.matchAll(/ N(\d+)=(\d+)/g)].map(([, node, pages]) => [node, +pages]);
    found.push({
      bytes,
      permissions,
      path: path.replace(/ \(deleted\)$/, ''),
      policy: line.split(' ')[1] ?? '',
      pagesByNode: Object.fromEntries(nodes),
      kB: Object.fromEntries(
        [...entry.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, key, value]) => [key, Number(value)]),
      ),
      flags: /^VmFlags: (.*?) *$/m.exec(entry)?.[1].split(' ') ?? [],
    });
  }
  if (found.length !== 1) throw new Error(`${found.length} mappings of ${bytes} bytes`);
  return found[0];
}
