/** `memory-tiers numa` on two sockets: who is near what, and what of a process is far from it. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { lookAtNodes } from '../../dist/cli/numa.js';
import { type NumaFacts, renderNuma } from '../../dist/cli/numa-report.js';
import { requireNative } from '../../dist/native.js';
import { machine } from './support/machine.ts';

const cli = join(import.meta.dirname, '../../dist/cli/main.js');
const program = join(import.meta.dirname, 'support/numa-program.js');
const [first, second] = machine.ddrNodes;
const same = (text: string): string => text;
const plain = {
  bold: same,
  dim: same,
  red: same,
  green: same,
  hue: (_: number, text: string) => text,
};

let child: ChildProcess | undefined;
afterEach(async () => {
  if (child === undefined) return;
  child.stdin?.end();
  await once(child, 'exit');
  child = undefined;
});
/** Looks at a program whose memory is on one node and whose thread is on another. */
async function lookAtProgram(memoryNode: number, threadNode: number): Promise<NumaFacts> {
  const argv = [program, `${memoryNode}`, `${threadNode}`];
  child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return lookAtNodes(requireNative(), {
    pid: child.pid!,
    durationMs: 1500,
    tiers: [{ name: 'L1_DDR', capacityBytes: '64MiB' }],
  });
}

describe('the picture', () => {
  it('shows which node has what, and how far it is from the CPUs of each socket', () => {
    const argv = [cli, 'numa', '--tier', 'L1_DDR=64MiB', '--tier', 'L2_CXL=64MiB'];
    const text = execFileSync(process.execPath, argv, { encoding: 'utf8' });
    const { hbmNodes, cxlNode } = machine;
    assert.match(text, new RegExp(`^ +${first} {2}L1_DDR +0 {2}0 .* its CPUs {2}10 21 `, 'm'));
    assert.match(text, new RegExp(`^ +${hbmNodes[1]} {2}L0_HBM +1 {2}- .* node ${second} `, 'm'));
    assert.match(text, /^L1_DDR +real +node 0 .* near \(10\) +21$/m);
    assert.match(text, new RegExp(`^L2_CXL +real +node ${cxlNode} .* near .* near `, 'm'));
    assert.match(text, /CPUs are on 2 nodes: where threads run matters/);
  });
});

describe('the picture of a process', () => {
  it('whose thread is on the other socket says what would move, and where to', async () => {
    const facts = await lookAtProgram(first, second);
    const { process: use, findings, counters } = facts;
    const here = use?.nodes.find(({ node }) => node === first);
    assert.ok((here?.bytes ?? 0) > 64 * 2 ** 20, JSON.stringify(use?.nodes));
    assert.ok((here?.remoteShare ?? 0) > 0.95, JSON.stringify(use));
    assert.ok((use?.remote?.least ?? 0) > 0.5, JSON.stringify(use?.remote));
    assert.match(findings[0].what, new RegExp(`MiB on node ${first} are far from its threads$`));
    assert.match(findings[0].hint, new RegExp(`migratepages ${use?.pid} ${first} ${second}`));
    const row = new RegExp(`^ +${use?.pid} {2}\\S+ +CPUs ${second} +${second} +${second} `, 'm');
    assert.match(renderNuma(facts, plain), row);
    assert.equal(counters.nodes[machine.hbmNodes[0]].localPages, 0);
  });

  it('whose thread is where its memory is has nothing that is far', async () => {
    const { process: use, findings } = await lookAtProgram(second, second);
    const here = use?.nodes.find(({ node }) => node === second);
    assert.ok((here?.bytes ?? 0) > 64 * 2 ** 20, JSON.stringify(use?.nodes));
    assert.ok((here?.remoteShare ?? 1) < 0.5, JSON.stringify(use));
    assert.ok(!findings.some(({ what }) => what.includes(`on node ${second} are far`)));
  });
});
