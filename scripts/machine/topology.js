// What the emulated machine is made of, as data, and the QEMU words for it. Traps in the comments cost a day each.

/** The machine unless something else is said: two sockets with DDR and HBM each, CXL, PMEM three times, NVMe. */
const fiveTiers = {
  // One entry a socket.
  ddr: ['1G', '512M'],
  // `socket` is the initiator. memkind finds HBM only where each socket has some.
  hbm: [
    { socket: 0, size: '256M' },
    { socket: 1, size: '256M' },
  ],
  /** `true`: fsdax, system-ram and devdax. 'devdax': that one alone. `false`: none. */
  pmem: true,
  /** 'node': memory of a CPU-less node. 'devdax': a device file. */
  cxl: 'node',
  /** With a generic port the kernel computes HMAT figures for the CXL node; 6.12 gets 17 us. */
  cxlHmat: false,
  /** SLIT distance between the DDR of the two sockets. */
  socketDistance: 21,
};

/** The machines there are. The first one is the default. */
export const topologies = {
  'five-tiers': fiveTiers,
  'no-hbm': { ...fiveTiers, hbm: [] },
  'one-hbm': { ...fiveTiers, hbm: [fiveTiers.hbm[0]] },
  'cxl-hmat': { ...fiveTiers, cxlHmat: true },
  'cxl-devdax': { ...fiveTiers, cxl: 'devdax' },
  'no-pmem': { ...fiveTiers, pmem: false },
  // A node with room for a few chunks only.
  'small-node': { ...fiveTiers, hbm: [fiveTiers.hbm[0], { socket: 1, size: '16M' }] },
  // A socket whose memory is missing: CPUs on a node without memory. They get theirs from the nearest node, which must
  // not be the CXL one (20 away, see below): a program whose code lies there no longer ends.
  'memoryless-node': {
    ...fiveTiers,
    ddr: ['1G', undefined],
    hbm: [fiveTiers.hbm[0]],
    socketDistance: 16,
  },
  // Two of them run at once and share what is devdax.
  'small-host': { ...fiveTiers, ddr: ['512M', '256M'], hbm: [], pmem: 'devdax', cxl: 'devdax' },
};

/** HMAT: latency in ns and bandwidth in GB/s seen from each socket, for each kind of memory. */
const figures = {
  ddr: { near: [100, 100], far: [200, 50] },
  hbm: { near: [110, 400], far: [220, 50] },
  port: { near: [20, 64], far: [120, 50] },
  pmem: { near: [350, 10], far: [450, 8] },
};
/** SLIT distances from a socket's DDR; HBM lies beside its socket. The CXL window is never in the SLIT. */
const distances = { hbm: [13, 23], port: [14, 24], pmem: [17, 28] };

/** The nodes in QEMU's order. Linux numbers those with memory or CPUs in the order in which it meets them. */
function nodesOf(topology) {
  const nodes = topology.ddr.map((size, socket) => ({ kind: 'ddr', socket, size }));
  for (const { socket, size } of topology.hbm) nodes.push({ kind: 'hbm', socket, size });
  // The CXL generic port is never a Linux node.
  nodes.push({ kind: 'port', socket: 0 });
  // QEMU gives the last node the window for hot-plugged memory, and that must be the PMEM.
  if (topology.pmem) nodes.push({ kind: 'pmem', socket: 0 });
  return nodes.map((node, id) => ({ id, ...node }));
}

/** QEMU's number of the first node of a kind. */
export function nodeOf(topology, kind) {
  return nodesOf(topology).find((node) => node.kind === kind).id;
}

/** The nodes that Linux has from the start, for the environment of the guest. */
export function nodeVariables(topology) {
  const ids = (kind) =>
    nodesOf(topology)
      .filter((node) => node.kind === kind)
      .map((node) => node.id)
      .join(',');
  return { VM_DDR_NODES: ids('ddr'), VM_HBM_NODES: ids('hbm') };
}

/** Distance between two nodes, by the sockets they belong to. */
function distance(a, b, { socketDistance }) {
  const [first, second] = a.id < b.id ? [a, b] : [b, a];
  const far = first.socket === second.socket ? 0 : 1;
  if (first.kind === 'ddr') {
    return second.kind === 'ddr' ? socketDistance : distances[second.kind][far];
  }
  return distances.hbm[0] + distances[second.kind === 'hbm' ? 'hbm' : second.kind][far] - 10;
}

/** QEMU's words for the nodes, their distances and their HMAT. */
export function nodeWords(topology) {
  const nodes = nodesOf(topology);
  const words = [];
  for (const { id, kind, socket, size } of nodes) {
    if (size !== undefined) {
      words.push('-object', `memory-backend-memfd,id=${kind}${id},size=${size},share=on`);
    }
    const memory = size === undefined ? '' : `,memdev=${kind}${id}`;
    const initiator = kind === 'ddr' ? '' : `,initiator=${socket}`;
    words.push('-numa', `node,nodeid=${id}${memory}${initiator}`);
  }
  topology.ddr.forEach((_, socket) => {
    words.push('-numa', `cpu,node-id=${socket},socket-id=${socket}`);
  });
  for (const a of nodes) {
    for (const b of nodes) {
      if (a.id >= b.id) continue;
      words.push('-numa', `dist,src=${a.id},dst=${b.id},val=${distance(a, b, topology)}`);
    }
  }
  topology.ddr.forEach((_, initiator) => {
    for (const { id, kind, socket } of nodes) {
      const [latencyNs, bandwidth] = figures[kind][initiator === socket ? 'near' : 'far'];
      const of = `initiator=${initiator},target=${id},hierarchy=memory`;
      words.push('-numa', `hmat-lb,${of},data-type=access-latency,latency=${latencyNs}`);
      words.push('-numa', `hmat-lb,${of},data-type=access-bandwidth,bandwidth=${bandwidth}G`);
    }
  });
  return words;
}

/** Bytes of memory that the machine starts with, as QEMU writes them. */
export function memoryWord(topology) {
  const mebibytes = nodesOf(topology)
    .map(({ size }) => size ?? '0M')
    .map((size) => Number.parseInt(size, 10) * (size.endsWith('G') ? 1024 : 1))
    .reduce((sum, size) => sum + size, 0);
  return topology.pmem ? `${mebibytes}M,slots=8,maxmem=16G` : `${mebibytes}M`;
}
