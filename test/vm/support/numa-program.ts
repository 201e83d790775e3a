/** A program with memory on one node and its thread on another: `node numa-program.js MEMORY_NODE THREAD_NODE`. */

import { NumaOptimizer } from '../../../dist/index.js';

const [memoryNode, threadNode] = process.argv.slice(2).map(Number);
const numa = new NumaOptimizer();
const kept = numa.run(memoryNode, () => Buffer.alloc(96 * 2 ** 20, 1));
numa.pinThread(threadNode);
process.stdout.write('ready\n');
let at = 0;
// Busy now and then: there are few CPUs, and they are slow.
setInterval(() => {
  const end = performance.now() + 30;
  while (performance.now() < end) at = (at + kept[at] * 4096) % kept.length;
}, 100);
process.stdin.on('end', () => process.exit(0)).resume();
