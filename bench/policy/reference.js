/** The yardstick of the reference tables: tiers, costs and known results, so that our rows stand beside theirs. */

import { readFileSync } from 'node:fs';

const speed = (latencyNs, bytesPerNs) => ({
  readLatencyNs: latencyNs,
  writeLatencyNs: latencyNs,
  readBytesPerSecond: bytesPerNs * 1e9,
  writeBytesPerSecond: bytesPerNs * 1e9,
});
/** The reference's policies fill every tier to the last unit. */
const headroomBytes = 0;
const dram = { name: 'L1_DDR', costPerGiBMonth: 1, headroomBytes, ...speed(100, 100) };
const cxl = { name: 'L2_CXL', costPerGiBMonth: 0.5, headroomBytes, ...speed(250, 30) };
const nvme = { name: 'L4_NVME', costPerGiBMonth: 0.05, headroomBytes, ...speed(20_000, 3) };

/** The reference's 1/3 and 1/9 round down: a unit that would fit to the last byte does not. */
const below = (bytes) => Math.ceil(bytes) - 1;

/** Tier sets by name: `tiers(footprintBytes)`. */
export const tierSets = {
  'dram+cxl-1:2': (bytes) => [
    { ...dram, capacityBytes: below(bytes / 3) },
    { ...cxl, capacityBytes: Infinity },
  ],
  'dram+cxl-1:8': (bytes) => [
    { ...dram, capacityBytes: below(bytes / 9) },
    { ...cxl, capacityBytes: Infinity },
  ],
  'dram+cxl-1:16': (bytes) => [
    { ...dram, capacityBytes: below(bytes / 17) },
    { ...cxl, capacityBytes: Infinity },
  ],
  'dram10+cxl30+nvme': (bytes) => [
    { ...dram, capacityBytes: bytes * 0.1 },
    { ...cxl, capacityBytes: bytes * 0.3 },
    { ...nvme, capacityBytes: Infinity },
  ],
};

/** Accesses one request of a trace stands for; memory pages are touched a line at a time. */
export const pageTraces = { 'gapbs-pr': 12, 'gapbs-bc': 36, xsbench: 12 };

/** Every nanosecond of a move in full, a line or the whole object an access. */
export function referenceCosts(accessBytes) {
  return { accessBytes, moveOverheadNs: 200, moveNsPerByte: 0, deviceOverlap: 1 };
}

/** The reference's online rules: whoever is best on a trace is the envelope there. */
const onlineRules = [
  'first-touch',
  'lru-chain(1)',
  'lru-chain(2nd touch)',
  'hemem-like',
  'prev-window-topk',
  'ema-topk',
  'total-count-topk',
  'recency-topk',
  'ema-topk+cost/benefit',
];

/** The best online rule among a workload's reference rows: its name and its cost, or undefined without rows. */
export function envelope(rows) {
  return onlineRules
    .filter((name) => rows?.[name] !== undefined)
    .map((name) => ({ name, totalNs: rows[name].total_ns }))
    .sort((a, b) => a.totalNs - b.totalNs)[0];
}

/** Rows of a reference table: `table[trace][config][policy]` has its columns as numbers. */
export function readReference(file) {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const columns = header.split(',');
  const table = {};
  for (const line of lines) {
    const cells = line.split(',');
    const row = Object.fromEntries(columns.map((name, i) => [name, cells[i]]));
    for (const name of columns.slice(3))
      row[name] = row[name] === '' ? undefined : Number(row[name]);
    ((table[row.trace] ??= {})[row.config] ??= {})[row.policy] = row;
  }
  return table;
}
