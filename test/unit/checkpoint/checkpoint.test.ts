import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../../lib/checkpoint/read-checkpoint.ts';
import {
  blockBytes,
  type CheckpointObject as Stored,
  writeCheckpoint as writeObjects,
} from '../../../lib/checkpoint/write-checkpoint.ts';
import { SliceClock, Slices } from '../../../lib/slices.ts';

const slices = new Slices(new SliceClock(200_000));
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-tiers-checkpoint-'));
  path = join(folder, 'agent.checkpoint');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** An object with its bytes in one piece. */
type CheckpointObject = Omit<Stored, 'blocks' | 'byteLength'> & { bytes: Uint8Array };

function* inBlocks(objects: Iterable<CheckpointObject>): Generator<Stored | undefined> {
  for (const { bytes, ...head } of objects) {
    const blocks = (function* () {
      for (let at = 0; at < bytes.length; at += blockBytes)
        yield bytes.subarray(at, at + blockBytes);
    })();
    yield { ...head, byteLength: bytes.length, blocks };
    yield undefined;
  }
}

const writeCheckpoint = (file: string, objects: Iterable<CheckpointObject>, signal?: AbortSignal) =>
  writeObjects(file, inBlocks(objects), slices, signal);

function bytes(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);
}

const objects: CheckpointObject[] = [
  { key: 'text', type: 14, tier: 'L0_HBM', verify: false, bytes: bytes(1, 5) },
  { key: 'schlüssel 🗝', type: 7, tier: 'L4_NVME', verify: true, bytes: bytes(2, 4096) },
  { key: -(2 ** 53) + 1, type: 0, tier: 'L1_DDR', verify: false, bytes: bytes(3, 0) },
  { key: 'large', type: 13, tier: 'L3_PMEM', verify: false, bytes: bytes(4, 3 * blockBytes + 7) },
  { key: '\ud800', type: 14, tier: 'L1_DDR', verify: false, bytes: bytes(6, 10) },
  { key: '\ud801\ue000', type: 14, tier: 'L1_DDR', verify: false, bytes: bytes(7, 20) },
  { key: 'x'.repeat(4096), type: 12, tier: 'L2_CXL', verify: true, bytes: bytes(5, blockBytes) },
];

/** An object with its bytes as text, which compares a hundred times faster than an array. */
const plain = ({ bytes, ...head }: CheckpointObject): object => ({
  ...head,
  byteLength: bytes.length,
  bytes: Buffer.from(bytes).toString('latin1'),
});

async function readAll(seen: object[] = []): Promise<object[]> {
  for await (const object of readCheckpoint(path, slices)) seen.push(plain(object));
  return seen;
}

describe('a checkpoint', () => {
  it('gives back keys, types, tiers and bytes of every size, in order', async () => {
    const report = await writeCheckpoint(path, objects);
    expect(await readAll()).toEqual(objects.map(plain));
    expect(report).toEqual({ objects: objects.length, bytes: statSync(path).size });
  });

  it('holds thousands of small objects, and none', async () => {
    const many = Array.from({ length: 5000 }, (_, key) => ({
      ...objects[0],
      key,
      bytes: bytes(key, key % 300),
    }));
    await writeCheckpoint(path, many);
    expect(await readAll()).toEqual(many.map(plain));
    await writeCheckpoint(path, []);
    expect(await readAll()).toEqual([]);
  });

  it('copies a small object before anything else can run', async () => {
    const moving = bytes(9, 1000);
    function* changing(): Iterable<CheckpointObject> {
      for (let i = 0; i < 1000; i++) {
        moving.fill(i);
        yield { ...objects[0], key: i, bytes: moving };
        moving.fill(0xee);
      }
    }
    const ticking = setInterval(() => moving.fill(0xdd), 0);
    await writeCheckpoint(path, changing());
    clearInterval(ticking);
    const whole = (i: number): object =>
      plain({ ...objects[0], key: i, bytes: new Uint8Array(1000).fill(i) });
    expect(await readAll()).toEqual(Array.from({ length: 1000 }, (_, i) => whole(i)));
  });

  it('leaves the earlier one untouched when the source fails half-way, and nothing beside it', async () => {
    await writeCheckpoint(path, objects);
    function* failing(): Iterable<CheckpointObject> {
      yield objects[3];
      throw new RangeError('stop');
    }
    await expect(writeCheckpoint(path, failing())).rejects.toThrow(RangeError);
    expect(await readAll()).toEqual(objects.map(plain));
    expect(readdirSync(folder)).toEqual(['agent.checkpoint']);
  });

  it('can be given up by a signal', async () => {
    const abort = new AbortController();
    function* endless(): Iterable<CheckpointObject> {
      for (let i = 0; ; i++) {
        if (i === 100) abort.abort();
        yield objects[6];
      }
    }
    await expect(writeCheckpoint(path, endless(), abort.signal)).rejects.toThrow(/abort/i);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['a folder that is not there', 'nowhere/x', 'ERR_TIER_UNAVAILABLE'],
    ['a name that is a folder', '.', 'ERR_TIER'],
  ])('says why it cannot be written: %s', async (_, name, code) => {
    await expect(writeCheckpoint(join(folder, name), objects)).rejects.toMatchObject({
      code: expect.stringContaining(code),
      hint: expect.stringContaining('untouched'),
    });
  });
});

describe('a checkpoint that is not whole', () => {
  beforeEach(() => writeCheckpoint(path, objects));

  it.each([0, 1, 15, 16, 100, 5000])(
    'is refused before its first object when cut to %i bytes',
    async (length) => {
      writeFileSync(path, readFileSync(path).subarray(0, length));
      const reading = readCheckpoint(path, slices).next();
      await expect(reading).rejects.toMatchObject({
        code: length < 16 ? 'ERR_TIER_CONFIG' : 'ERR_TIER_CORRUPT',
      });
    },
  );

  it('is refused when something was added to it', async () => {
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1)]));
    await expect(readAll()).rejects.toMatchObject({ code: 'ERR_TIER_CORRUPT' });
  });

  it('never gives out an object with a flipped bit, wherever it flipped', async () => {
    const few = objects.slice(0, 3);
    await writeCheckpoint(path, few);
    const whole = readFileSync(path);
    for (let place = 0; place < whole.length; place += place < 200 ? 1 : 37) {
      const broken = Buffer.from(whole);
      broken[place] ^= 1 << (place & 7);
      writeFileSync(path, broken);
      const seen: object[] = [];
      const failure = await readAll(seen).then(
        () => undefined,
        (error) => error,
      );
      // Four bytes of the head are not used yet.
      if (place >= 12 && place < 16) continue;
      expect(failure, `byte ${place}`).toMatchObject({
        code: expect.stringMatching(/CORRUPT|CONFIG/),
      });
      expect(seen).toEqual(few.slice(0, seen.length).map(plain));
    }
  });

  it('is refused when it is another kind of file or of a later version', async () => {
    const later = readFileSync(path);
    later.writeUInt32LE(2, 8);
    writeFileSync(path, later);
    await expect(readAll()).rejects.toMatchObject({
      code: 'ERR_TIER_CONFIG',
      hint: expect.stringContaining('version 1'),
    });
    writeFileSync(path, 'PK'.repeat(100));
    await expect(readAll()).rejects.toMatchObject({ code: 'ERR_TIER_CONFIG' });
    rmSync(path);
    await expect(readAll()).rejects.toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
      syscall: 'open',
    });
  });
});
