/** What either of two machines does with a pool on a device that both have: each function runs in one of them. */

import { CxlMemoryPool, TieredMemory } from '../../../dist/index.js';
import { machine } from './machine.ts';
import { MiB, pattern } from './memory.ts';

/** A device by what it is in both machines; the name of its file differs. */
export type Device = 'nvdimm' | 'cxl';

const pools = new Map<Device, CxlMemoryPool>();

const pathOf = (device: Device): string =>
  device === 'nvdimm' ? machine.pmemDevdax : machine.cxlDevdax;

function poolOf(device: Device): CxlMemoryPool {
  const pool = pools.get(device);
  if (pool === undefined) throw new Error(`no pool on ${device} is open here`);
  return pool;
}

/** Makes the pool, over whatever is on the device, or joins it. */
export async function join(
  device: Device,
  create: boolean,
  coherence: 'hardware' | 'software',
): Promise<void> {
  const options = create
    ? ({ create: true, overwrite: true, capacityBytes: '64MiB', coherence } as const)
    : ({ create: false } as const);
  const pool = await CxlMemoryPool.open({
    devices: [pathOf(device)],
    patienceMs: 2000,
    ...options,
  });
  pools.set(device, pool);
}

/** Leaves the pool as a program that ends does. */
export async function leave(device: Device): Promise<void> {
  await poolOf(device).close();
  pools.delete(device);
}

/** Of few sizes: each takes a member 2 MiB of the pool. */
const bytesOf = (i: number): number => [120, 3000, 20_000][i % 3];
const seedOf = (owner: string, i: number, round: number): number =>
  owner.charCodeAt(0) * 100_000 + round * 1000 + i;
const payloadOf = (owner: string, i: number, round: number): Uint8Array =>
  new Uint8Array(pattern(seedOf(owner, i, round), Math.ceil(bytesOf(i) / 4) * 4));

/** Puts `count` values under keys of `owner`. */
export function publish(device: Device, owner: string, count: number, round: number): void {
  const pool = poolOf(device);
  for (let i = 0; i < count; i++) pool.putSync(`${owner}:${i}`, payloadOf(owner, i, round));
}

/** Of those keys, how many have no value or another one. */
export function wrong(device: Device, owner: string, count: number, round: number): number {
  const pool = poolOf(device);
  let bad = 0;
  for (let i = 0; i < count; i++) {
    const value = pool.get<Uint8Array>(`${owner}:${i}`) ?? new Uint8Array(0);
    if (Buffer.compare(value, payloadOf(owner, i, round)) !== 0) bad++;
  }
  return bad;
}

/** Adds ones to a counter; what it is then. */
export function count(device: Device, adds: number): number {
  const pool = poolOf(device);
  for (let i = 0; i < adds; i++) pool.add('counter', 1);
  return pool.add('counter', 0);
}

/** Changes the keys of both for ever, with leases open and a tier of its own: until the power is cut. */
export async function churn(device: Device, counts: number): Promise<never> {
  const pool = poolOf(device);
  const tier = await TieredMemory.open({
    tiers: [
      {
        name: 'L2_CXL',
        backends: [{ kind: 'pool', path: pathOf(device), capacityBytes: 8 * MiB }],
      },
    ],
    background: false,
  });
  tier.allocate(Uint8Array, 6 * MiB).view.fill(1);
  for (let round = 1; ; round++) {
    for (let i = 0; i < counts; i++) {
      pool.putSync(`churn:${i}`, payloadOf('churn', i, round % 100));
      pool.add('rounds');
      if (i % 3 === 0) pool.delete(`churn:${(i + 1) % counts}`);
      if (round === 1 && i % 4 === 0) pool.borrow(`churn:${i}`);
    }
  }
}

/** How many rounds {@link churn} has done. */
export function rounds(device: Device): number {
  return poolOf(device).add('rounds', 0);
}

/** Values of {@link churn} that are not whole: of no round that there could be. */
export function torn(device: Device, counts: number): number {
  let bad = 0;
  for (let i = 0; i < counts; i++) {
    const value = poolOf(device).get<Uint8Array>(`churn:${i}`);
    if (value === undefined) continue;
    const whole = Array.from({ length: 100 }, (_, round) => payloadOf('churn', i, round)).some(
      (one) => Buffer.compare(one, value) === 0,
    );
    if (!whole) bad++;
  }
  return bad;
}

/** Members by whether they are of this machine's present boot. */
export function members(device: Device): { here: number; elsewhere: readonly string[] } {
  const all = poolOf(device).members();
  const elsewhere = all.filter((member) => !member.sameHost);
  return { here: all.length - elsewhere.length, elsewhere: elsewhere.map(({ boot }) => boot) };
}

/** Declares a boot over; how many members it had. */
export async function reclaim(device: Device, boot: string): Promise<number> {
  return poolOf(device).reclaim(boot);
}

/** What a full walk finds wrong. */
export async function damages(device: Device): Promise<readonly string[]> {
  return (await poolOf(device).check()).findings;
}

/** Bytes that nobody has. */
export function freeBytes(device: Device): number {
  return poolOf(device).stats().freeBytes;
}
