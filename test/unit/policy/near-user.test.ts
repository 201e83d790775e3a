import { describe, expect, it } from 'vitest';
import { decisionLine, parseDecision } from '../../../lib/decisions/decision-format.ts';
import { explainUnits } from '../../../lib/explain/explain-plan.ts';
import { nearUser } from '../../../lib/policy/near-user.ts';
import { createPolicy, policyNames } from '../../../lib/policy/policies.ts';
import { noNode, type Plan, type PlanBudget, type Snapshot } from '../../../lib/policy/policy.ts';
import { snapshotOf, type UnitSpec } from './snapshots.ts';

const chunk = 2 * 1024 * 1024;
const free: PlanBudget = { bytes: Infinity };
const tiers = [
  { capacityBytes: 64 * chunk, readLatencyNs: 90 },
  { capacityBytes: 1e12, readLatencyNs: 80_000 },
];

/** A unit on a node, and the shares of its users. */
interface OnNode extends UnitSpec {
  readonly node: number;
  readonly uses: readonly number[];
}

const unit = (
  id: number,
  node: number,
  uses: readonly number[],
  more: Partial<OnNode> = {},
): OnNode => ({
  id,
  bytes: chunk,
  tier: 0,
  heat: 1e5,
  reads: 100,
  node,
  uses,
  ...more,
});

interface Machine {
  readonly ids: readonly number[];
  readonly distances: readonly (readonly number[])[];
  readonly hasCpus?: readonly boolean[];
  /** Chunks that fit on each node of the first tier. */
  readonly rooms: readonly number[];
}

const twoSockets: Machine = {
  ids: [0, 3],
  distances: [
    [10, 21],
    [21, 10],
  ],
  rooms: [32, 32],
};

function snapshotOn(
  machine: Machine,
  specs: readonly OnNode[],
  more: Partial<Snapshot> = {},
): Snapshot {
  const plain = snapshotOf(tiers, specs, more);
  const rooms = machine.rooms.flatMap((chunks, node) => {
    const here = specs.filter((spec) => spec.tier === 0 && spec.node === node);
    const usedBytes = here.reduce((sum, { bytes = 4096 }) => sum + bytes, 0);
    return chunks === 0 ? [] : [{ node, capacityBytes: chunks * chunk, usedBytes }];
  });
  return {
    ...plain,
    units: {
      ...plain.units,
      node: Uint8Array.from(specs, ({ node }) => node),
      uses: machine.ids.map((_, node) => Float32Array.from(specs, ({ uses }) => uses[node])),
    },
    nodes: {
      ids: machine.ids,
      hasCpus: machine.hasCpus ?? machine.ids.map(() => true),
      distances: machine.distances,
      rooms: [rooms, []],
    },
  };
}

/** Moves nothing between tiers. */
const still = nearUser(createPolicy('static'));
const planOf = (specs: readonly OnNode[], machine = twoSockets, budget = free): Plan =>
  still.plan(snapshotOn(machine, specs), budget);

describe('a unit that is used mostly from another node', () => {
  it('moves there within its tier, and says what it gains', () => {
    const { moves } = planOf([unit(7, 0, [0.1, 0.9])]);
    expect(moves).toHaveLength(1);
    const [move] = moves;
    expect(move).toMatchObject({ unit: 7, bytes: chunk, from: 0, to: 0, node: 3, reason: 'near' });
    // 90 ns are 1.1 times longer from the other socket; 0.9 of the users are there now, and 0.1 will be.
    expect(move.gainNs).toBeCloseTo(1e5 * Math.LN2 * 90 * 1.1 * 0.8, -3);
    expect(move.costNs).toBeGreaterThan(0);
  });

  it('stays where it is used', () => {
    const plan = planOf([unit(7, 1, [0.1, 0.9])]);
    expect(plan.moves).toEqual([]);
    expect(plan.refused).toEqual({});
  });

  it.each([
    ['half and half', [0.5, 0.5]],
    ['nearly', [0.4, 0.6]],
  ])('stays when two nodes share it: %s', (_, uses) => {
    for (const node of [0, 1]) expect(planOf([unit(7, node, uses)]).moves).toEqual([]);
    expect(planOf([unit(7, 0, [0.4, 0.6])]).refused).toEqual({ shared: 1 });
  });

  it('stays when its accesses do not pay for the move', () => {
    const plan = planOf([unit(7, 0, [0, 1], { heat: 10 })]);
    expect(plan.moves).toEqual([]);
    expect(plan.refused).toEqual({ benefit: 1 });
  });

  it('stays while it dwells', () => {
    const plan = planOf([unit(7, 0, [0, 1], { dwellUntil: 1001 })]);
    expect(plan.refused).toEqual({ dwell: 1 });
  });

  it('stays when nobody knows who uses it, or its memory is on no node', () => {
    expect(planOf([unit(7, 0, [0, 0]), unit(8, noNode, [0, 1])]).moves).toEqual([]);
  });

  it('goes within the budget of bytes and of what may be written', () => {
    const specs = [unit(1, 0, [0, 1]), unit(2, 0, [0, 1], { heat: 2e5 })];
    const tight = planOf(specs, twoSockets, { bytes: chunk });
    expect(tight.moves.map((move) => move.unit)).toEqual([2]);
    expect(tight.refused).toEqual({ budget: 1 });
    const worn = planOf(specs, twoSockets, { bytes: Infinity, writeBytes: [chunk, Infinity] });
    expect(worn.moves.map((move) => move.unit)).toEqual([2]);
    expect(worn.refused).toEqual({ endurance: 1 });
  });
});

describe('a node that is full', () => {
  const full: Machine = { ...twoSockets, rooms: [2, 1] };

  it('gives up what is used from elsewhere, in exchange', () => {
    const { moves } = planOf([unit(1, 0, [0, 1]), unit(2, 1, [1, 0])], full);
    expect(moves).toMatchObject([
      { unit: 2, node: 0, reason: 'victim' },
      { unit: 1, node: 3, reason: 'near' },
    ]);
    expect(moves[0].gainNs).toBeGreaterThan(0);
  });

  it('keeps what is used there as much', () => {
    const plan = planOf([unit(1, 0, [0, 1]), unit(2, 1, [0, 1])], full);
    expect(plan.moves).toEqual([]);
    expect(plan.refused).toEqual({ room: 1 });
  });

  it('keeps what is used while nobody knows from where', () => {
    const plan = planOf([unit(1, 0, [0, 1]), unit(2, 1, [0, 0])], full);
    expect(plan.moves).toEqual([]);
    expect(plan.refused).toEqual({ room: 1 });
  });

  it('gives up what is hardly used', () => {
    const { moves } = planOf([unit(1, 0, [0, 1]), unit(2, 1, [0, 1], { heat: 1 })], full);
    expect(moves.map((move) => move.unit)).toEqual([2, 1]);
  });

  it('keeps everything when there is no place to step aside to', () => {
    const plan = planOf([unit(1, 0, [0, 1]), unit(2, 1, [1, 0])], { ...full, rooms: [1, 1] });
    expect(plan.moves).toEqual([]);
    expect(plan.refused).toEqual({ room: 2 });
  });
});

describe('a move between tiers', () => {
  const up = nearUser({
    ...createPolicy('static'),
    plan: ({ units }) => ({
      moves: [
        { unit: units.id[0], bytes: chunk, from: 1, to: 0, reason: 'hot', gainNs: 1, costNs: 1 },
      ],
      thresholdsLog2: [0],
      refused: {},
    }),
  });
  const below = unit(7, noNode, [0.2, 0.8], { tier: 1 });

  it('goes to the node that uses the unit', () => {
    const plan = up.plan(snapshotOn(twoSockets, [below]), free);
    expect(plan.moves).toMatchObject([{ unit: 7, from: 1, to: 0, node: 3, reason: 'hot' }]);
  });

  it('goes to the next nearest when that is full', () => {
    const machine = { ...twoSockets, rooms: [4, 1] };
    const plan = up.plan(snapshotOn(machine, [below, unit(8, 1, [0, 1])]), free);
    expect(plan.moves).toMatchObject([{ unit: 7, node: 0 }]);
  });

  it('leaves the node open when nobody knows who uses it', () => {
    const plan = up.plan(snapshotOn(twoSockets, [{ ...below, uses: [0, 0] }]), free);
    expect(plan.moves[0].node).toBeUndefined();
  });
});

describe('a machine with many nodes', () => {
  // Four sockets in a ring, as the firmware of such machines puts it.
  const ring: Machine = {
    ids: [0, 1, 2, 3],
    distances: [
      [10, 16, 22, 16],
      [16, 10, 16, 22],
      [22, 16, 10, 16],
      [16, 22, 16, 10],
    ],
    rooms: [8, 8, 8, 8],
  };

  it('puts a unit between the users that share it, when that is nearer to all', () => {
    // Both users are two hops from it and one from node 1.
    const { moves } = planOf([unit(7, 3, [0.2, 0.6, 0.2, 0])], ring);
    expect(moves).toMatchObject([{ unit: 7, node: 1 }]);
  });

  it('counts the distance of memory without CPUs from the nearest of them', () => {
    const hbm: Machine = {
      ids: [0, 1, 2, 3],
      hasCpus: [true, true, false, false],
      distances: [
        [10, 21, 13, 23],
        [21, 10, 23, 13],
        [13, 23, 10, 23],
        [23, 13, 23, 10],
      ],
      rooms: [0, 0, 8, 8],
    };
    const { moves } = planOf([unit(7, 2, [0, 1, 0, 0])], hbm);
    expect(moves).toMatchObject([{ unit: 7, node: 3 }]);
    expect(moves[0].gainNs).toBeCloseTo(1e5 * Math.LN2 * 90 * (10 / 13), -1);
  });
});

it('makes the plans of the policy it wraps where there is one node', () => {
  const snapshot = snapshotOf(tiers, [unit(7, 0, [0, 1])]);
  const inner = createPolicy('static');
  expect(nearUser(inner).plan(snapshot, free)).toEqual(inner.plan(snapshot, free));
});

it.each(policyNames)('%s looks at nodes unless it leaves everything where it was put', (name) => {
  const staysPut = ['static', 'first-touch', 'interleave'].includes(name);
  expect(createPolicy(name).usesNodes === true).toBe(!staysPut);
  expect(createPolicy(name).name).toBe(name);
});

it('is explained with its node', () => {
  const snapshot = snapshotOn(twoSockets, [
    unit(7, 0, [0, 1]),
    unit(8, 0, [0.5, 0.5]),
    unit(9, 0, [0.4, 0.6]),
  ]);
  const plan = still.plan(snapshot, { bytes: Infinity, explain: true });
  const [moved, , shared] = explainUnits([7, 8, 9], { snapshot, plan });
  expect(moved).toMatchObject({
    decision: 'move',
    tier: 'L0_HBM',
    node: 0,
    to: 'L0_HBM',
    toNode: 3,
    why: 'near',
  });
  expect(moved!.text).toMatch(/: to L0_HBM on node 3 \(near\)$/);
  expect(moved!.text).toMatch(/^heat 100,?000 \(100 % from node 3\)/);
  expect(shared!.usedFrom!.map(({ node }) => node)).toEqual([3, 0]);
  expect(shared).toMatchObject({ decision: 'stay', why: 'shared', node: 0 });
});

it('makes the same plan from a decision that was written down', () => {
  const snapshot = snapshotOn(twoSockets, [unit(7, 0, [0, 1]), unit(8, 1, [0.4, 0.6])]);
  const long = {
    ...snapshot.units,
    uses: snapshot.units.uses!.map((share) => Float32Array.of(...share, 9)),
  };
  const written = decisionLine({
    policy: 'static',
    snapshot: { ...snapshot, units: long },
    budget: free,
    plan: still.plan(snapshot, free),
  });
  const read = parseDecision(written, 'log', 1);
  expect(read.snapshot.units.uses!.map(({ length }) => length)).toEqual([2, 2]);
  expect(still.plan(read.snapshot, read.budget)).toEqual(read.plan);
  expect(read.plan.moves).toHaveLength(1);
});
