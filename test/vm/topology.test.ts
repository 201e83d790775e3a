/** Every variant of the machine is described as it is, and makes the tiers it has: against a table by hand. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { runCli } from '../../dist/cli/cli.js';
import { topologyCommand } from '../../dist/cli/topology.js';
import { HardwareTierManager, type MachineDescription, type TierName } from '../../dist/index.js';
import { requireNative } from '../../dist/native.js';
import { machine } from './support/machine.ts';
import { MiB } from './support/memory.ts';
import { variants } from './support/variants.ts';

const variant = variants[machine.topology];
const described: MachineDescription = requireNative().describeMachine('');
const manager = HardwareTierManager.detect();

const nodesOf = (tier: TierName): number[] =>
  variant.nodes.flatMap((node, id) => (node.tier === tier ? [id] : []));
const realTiers = (['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM'] as const).filter(
  (tier) => nodesOf(tier).length > 0,
);
/** What the program prints. On one machine it is started, which takes ten seconds; on the others its command runs here. */
async function cli(...args: string[]): Promise<string> {
  if (machine.topology === 'five-tiers') {
    return execFileSync(process.execPath, ['dist/cli/main.js', ...args], { encoding: 'utf8' });
  }
  let text = '';
  const stdout = {
    write(part: string): void {
      text += part;
    },
  };
  const { stdin, stderr, env } = process;
  assert.equal(await runCli(args, [topologyCommand], { stdin, stdout, stderr, env }), 0);
  return text;
}

describe(`the description of ${machine.topology}`, () => {
  it('has every node with its CPUs, memory and distances', () => {
    const shown = described.nodes.map(({ id, cpus, distances }) => ({ id, cpus, distances }));
    assert.deepEqual(
      shown,
      variant.nodes.map(({ cpus, distances }, id) => ({ id, cpus, distances })),
    );
    for (const { id, memoryBytes, freeBytes } of described.nodes) {
      const [least, most] = variant.nodes[id].MiB;
      assert.ok(memoryBytes >= least * MiB && memoryBytes <= most * MiB, `${id}: ${memoryBytes}`);
      assert.ok(freeBytes <= memoryBytes && freeBytes >= memoryBytes / 2, `${id}: ${freeBytes}`);
    }
  });

  it("has the firmware's figures where there are any, and invents none", () => {
    for (const { id, attributes } of described.nodes) {
      const { hmat } = variant.nodes[id];
      const best = attributes.find(({ accessClass }) => accessClass === 0);
      const shown = best && {
        initiators: best.initiators,
        latencyNs: best.readLatencyNs,
        mebibytesPerSecond: (best.readBytesPerSecond ?? 0) / MiB,
      };
      assert.deepEqual(shown ?? null, hmat, `node ${id}`);
    }
  });

  it('has every dax device with its mode, origin, size and node', () => {
    const pmemNode = nodesOf('L3_PMEM')[0];
    // Before it is online, its node has a number already: the next free one.
    const cxlNode = variant.nodes.length - (variant.cxl === 'devdax' ? 0 : 1);
    const cxl = { name: machine.cxlDax, origin: 'cxl', mode: variant.cxl, targetNode: cxlNode };
    const kmem = { origin: 'pmem', mode: 'system-ram', targetNode: pmemNode, path: null };
    const devdax = { origin: 'pmem', mode: 'devdax', targetNode: pmemNode };
    const expected = [
      {
        ...cxl,
        sizeBytes: 512 * MiB,
        path: variant.cxl === 'devdax' ? machine.cxlDevdax : null,
      },
      ...(variant.pmem
        ? [
            { ...kmem, name: machine.pmemKmem, sizeBytes: 510 * MiB },
            {
              ...devdax,
              name: machine.pmemDevdax.replace('/dev/', ''),
              sizeBytes: 126 * MiB,
              path: machine.pmemDevdax,
            },
          ]
        : []),
    ];
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    const shown = described.dax.map(({ alignBytes, ...device }) => {
      assert.equal(alignBytes, 2 * MiB);
      return device;
    });
    assert.deepEqual(shown.sort(byName), expected.sort(byName));
  });

  it('has the NVMe drive and the persistent memory with what is mounted on them', () => {
    const shown = described.blocks.map(({ name, origin, rotational, sizeBytes, mounts }) => ({
      name: name.replace(/^pmem\d$/, 'pmem'),
      origin,
      rotational,
      MiB: sizeBytes / MiB,
      mounts: mounts.map(({ path, fsType, dax, readOnly }) => ({ path, fsType, dax, readOnly })),
    }));
    const mount = (path: string, dax: boolean) => ({ path, fsType: 'ext4', dax, readOnly: false });
    const nvme = {
      name: 'nvme0n1',
      origin: 'nvme',
      rotational: false,
      MiB: 512,
      mounts: [mount(machine.nvmeDirectory, false)],
    };
    const pmem = variant.pmem && {
      name: 'pmem',
      origin: 'pmem',
      rotational: false,
      MiB: 254,
      mounts: [mount(machine.pmemDirectory, true)],
    };
    assert.deepEqual(shown, pmem ? [nvme, pmem] : [nvme]);
  });

  it('lacks nothing: all of it could be read, every node is allowed, every call permitted', () => {
    assert.deepEqual(described.unreadable, []);
    assert.deepEqual(
      described.allowedNodes,
      variant.nodes.flatMap(({ tier }, id) => (tier === null ? [] : [id])),
    );
    assert.deepEqual(described.allowedCpus, [0, 1]);
    assert.deepEqual(described.permissions, {
      mbind: 0,
      movePages: 0,
      setMempolicy: 0,
      getMempolicy: 0,
    });
  });
});

describe(`the tiers of ${machine.topology}`, () => {
  it('are made of the right nodes, each within its memory', () => {
    assert.deepEqual(
      manager.tiers.map(({ name, kind }) => `${name} ${kind}`),
      realTiers.map((name) => `${name} real`),
    );
    for (const { name, backends, capacityBytes } of manager.tiers) {
      const nodes = backends.map((backend) => (backend.kind === 'numa' ? backend.node : -1));
      assert.deepEqual(nodes, nodesOf(name), name);
      for (const backend of backends) {
        const node = 'node' in backend ? described.nodes[backend.node!] : undefined;
        assert.ok(backend.capacityBytes < (node?.freeBytes ?? 0), `${name}, node ${node?.id}`);
      }
      assert.equal(
        capacityBytes,
        backends.reduce((sum, backend) => sum + backend.capacityBytes, 0),
      );
    }
  });

  it('say what they are known by: several sources, and not what is not to be believed', () => {
    const facts: Readonly<Partial<Record<TierName, readonly RegExp[]>>> = {
      L0_HBM: [
        /has no CPUs/,
        /HMAT bandwidth 429 GB\/s is 4\.0 times/,
        /latency 110 ns is 1\.1 times/,
      ],
      L1_DDR: [/has CPUs/],
      L2_CXL: [new RegExp(`is ${machine.cxlDax}, a CXL region online as system RAM`)],
      L3_PMEM: [/is dax\d\.\d, persistent memory online as system RAM/],
    };
    for (const { name, evidence } of manager.tiers) {
      assert.equal(evidence.length, nodesOf(name).length, name);
      for (const [index, id] of nodesOf(name).entries()) {
        assert.match(evidence[index], new RegExp(`^node ${id} `));
        for (const fact of facts[name]!) assert.match(evidence[index], fact);
      }
    }
    const impossible = JSON.stringify(manager.tiers).includes('17170 ns, which no memory has');
    assert.equal(impossible, machine.topology === 'cxl-hmat');
  });

  it("have the firmware's figures; CXL has latency of its class, whatever the firmware computes", () => {
    const latencies = { L0_HBM: 110, L1_DDR: 100, L2_CXL: 250, L3_PMEM: 350 };
    for (const { name, spec } of manager.tiers) {
      assert.deepEqual(spec.readLatencyNs, {
        value: latencies[name as keyof typeof latencies],
        source: name === 'L2_CXL' ? 'default' : 'firmware',
      });
    }
  });

  it('that are missing are in `limits` with reason and hint, and there is no other limit', () => {
    const whats = manager.limits.map(({ what }) => what);
    assert.deepEqual(
      whats,
      variant.missing.map(({ name }) => name),
    );
    for (const [index, { reason, hint }] of variant.missing.entries()) {
      assert.match(manager.limits[index].reason, reason);
      assert.match(manager.limits[index].hint, hint);
    }
  });

  it('could also be made of fsdax and of the devices, which are offered but not taken', () => {
    const offered = manager.available.flatMap(({ name, backends }) =>
      backends.flatMap((backend) =>
        backend.kind === 'file' || backend.kind === 'dax' ? [{ name, backend }] : [],
      ),
    );
    const shown = offered.map(({ name, backend }) =>
      backend.kind === 'file'
        ? [name, backend.directory, backend.dax]
        : [name, backend.kind === 'dax' && backend.path],
    );
    assert.deepEqual(shown, [
      ...(variant.cxl === 'devdax' ? [['L2_CXL', machine.cxlDevdax]] : []),
      ...(variant.pmem
        ? [
            ['L3_PMEM', machine.pmemDirectory, true],
            ['L3_PMEM', machine.pmemDevdax],
          ]
        : []),
    ]);
  });

  it("find the NVMe drive by `directory: 'auto'`", () => {
    const [tier] = HardwareTierManager.detect({
      tiers: [{ name: 'L4_NVME', directory: 'auto' }],
    }).tiers;
    assert.equal(tier.kind, 'real');
    assert.match(tier.evidence.join(), /nvme0n1 \(NVMe drive, ext4\)/);
    assert.equal(
      tier.backends[0].kind === 'file' && tier.backends[0].directory,
      machine.nvmeDirectory,
    );
  });
});

describe('memory-tiers topology', () => {
  it('prints all of it as JSON', async () => {
    const printed = JSON.parse(await cli('topology', '--json'));
    const stable = ({ nodes, dax }: MachineDescription) => ({
      dax,
      nodes: nodes.map(({ freeBytes: _, ...node }) => node),
    });
    assert.deepEqual(stable(printed.machine), stable(described));
    const names = (tiers: readonly { name: string; kind: string }[]) =>
      tiers.map(({ name, kind }) => `${name} ${kind}`);
    assert.deepEqual(names(printed.tiers), names(manager.tiers));
    assert.deepEqual(names(printed.available), names(manager.available));
    assert.deepEqual(printed.limits, manager.limits);
  });

  it('names each tier with its nodes, and what is missing with a hint, as text', async () => {
    const text = await cli('topology');
    const [, limits = ''] = text.split('\nLimits\n');
    for (const name of realTiers) {
      const madeOf = nodesOf(name).map((id) => `node ${id}`);
      assert.match(text, new RegExp(`^${name} +real .* ${madeOf.join(', ')}$`, 'm'));
    }
    for (const [id, { tier }] of variant.nodes.entries()) {
      assert.match(text, new RegExp(`^ +${id}  ${tier ?? 'no memory'} `, 'm'));
    }
    for (const { name, hint } of variant.missing) {
      const [, shown] = new RegExp(`^- ${name}: .*\\n  hint: (.*)$`, 'm').exec(limits) ?? [];
      assert.match(shown ?? '', hint);
    }
  });
});
