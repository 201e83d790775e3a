import { describe, expect, it } from 'vitest';
import { checkPoolKey, maxPoolKeyBytes } from '../../../lib/pool/pool-key.ts';
import {
  checkAmount,
  expectedByDelete,
  expectedByPut,
  watchSignal,
} from '../../../lib/pool/pool-operations.ts';
import {
  checkPoolDevices,
  checkPoolOpen,
  type PoolOpenOptions,
} from '../../../lib/pool/pool-options.ts';
import { codeOf } from '../../support/outcomes.ts';

const type = 'ERR_INVALID_ARG_TYPE';
const value = 'ERR_INVALID_ARG_VALUE';
const devices = ['/dev/shm/pool'];

describe('the options of a pool', () => {
  it('are filled in where they are left out', () => {
    expect(checkPoolOpen({ devices })).toEqual({
      opening: 'open-or-create',
      devices: [{ path: '/dev/shm/pool', lockPath: '', failureDomain: '', capacityBytes: 0 }],
      name: '',
      capacityBytes: 0,
      members: 64,
      holds: 1024,
      shards: 64,
      shardSlots: 1024,
      replicas: 1,
      coherence: 'hardware',
      overwrite: false,
      verify: 'first',
      quotaBytes: undefined,
      patienceMs: 5000,
      leaseMs: 10_000,
      takeover: 'manual',
      readOnly: false,
      missingDevices: 'declare-lost-if-replicated',
      claimWriter: false,
    });
  });

  it('never make a pool that is only to be read', () => {
    expect(checkPoolOpen({ devices, readOnly: true }).opening).toBe('open');
    expect(checkPoolOpen({ devices, create: false }).opening).toBe('open');
    expect(checkPoolOpen({ devices, create: true }).opening).toBe('create');
  });

  it('make a directory with a quarter to spare, of sizes that the core takes', () => {
    for (const maxObjects of [1, 1000, 48_000, 48_001, 1e6, 2 ** 24, 2 ** 30]) {
      const { shards, shardSlots } = checkPoolOpen({ devices, maxObjects });
      expect(Number.isInteger(Math.log2(shards)) && Number.isInteger(Math.log2(shardSlots))).toBe(
        true,
      );
      expect(shardSlots).toBeLessThanOrEqual(65536);
      expect(shards * shardSlots * 0.75).toBeGreaterThanOrEqual(maxObjects);
      expect(shards * shardSlots).toBeLessThanOrEqual(Math.max(65536, maxObjects * 2.7));
    }
  });

  it('are refused when they make no sense', () => {
    const wrong: [options: unknown, code: string][] = [
      [undefined, type],
      [null, type],
      ['/dev/shm/pool', type],
      [{}, type],
      [{ devices: '/dev/shm/pool' }, type],
      [{ devices: [] }, value],
      [{ devices: [1] }, type],
      [{ devices: [''] }, value],
      [{ devices: ['a\0b'] }, value],
      [{ devices: ['a', 'a'] }, value],
      [{ devices: Array.from({ length: 16 }, (_, i) => `d${i}`) }, value],
      [{ devices: [{ path: 'a', domain: 'x' }] }, value],
      [{ devices: [{ path: 'a', failureDomain: 'x'.repeat(64) }] }, value],
      [{ devices: [{ path: 'a', capacityBytes: 0 }] }, value],
      [{ devices, device: 'a' }, value],
      [{ devices, name: 5 }, type],
      [{ devices, name: 'é'.repeat(32) }, value],
      [{ devices, name: '\ud800' }, value],
      [{ devices, capacityBytes: 'much' }, value],
      [{ devices, capacityBytes: null }, type],
      [{ devices, replicas: 0 }, value],
      [{ devices, replicas: 3 }, value],
      [{ devices, replicas: '2' }, type],
      [{ devices, coherence: 'soft' }, value],
      [{ devices, create: 'yes' }, type],
      [{ devices, overwrite: true }, value],
      [{ devices, create: true, readOnly: true }, value],
      [{ devices, readOnly: 1 }, type],
      [{ devices, quotaBytes: -1 }, value],
      [{ devices, maxMembers: 251 }, value],
      [{ devices, maxObjects: 0 }, value],
      [{ devices, maxObjects: Number.NaN }, value],
      [{ devices, maxHeld: 2 ** 21 }, value],
      [{ devices, verify: true }, type],
      [{ devices, patienceMs: -1 }, value],
      [{ devices, leaseMs: 99 }, value],
      [{ devices, takeover: 'auto' }, value],
      [{ devices, missingDevices: 'ignore' }, value],
      [{ devices, claimWriter: 'yes' }, type],
      [{ devices, maintainMs: 1.5 }, value],
    ];
    for (const [options, code] of wrong) {
      expect([options, codeOf(() => checkPoolOpen(options as PoolOpenOptions))]).toEqual([
        options,
        code,
      ]);
    }
  });

  it('name devices by path or in full', () => {
    expect(
      checkPoolDevices([
        'a',
        { path: 'b', lockPath: 'l', failureDomain: 'left', capacityBytes: '1KiB' },
      ]),
    ).toEqual([
      { path: 'a', lockPath: '', failureDomain: '', capacityBytes: 0 },
      { path: 'b', lockPath: 'l', failureDomain: 'left', capacityBytes: 1024 },
    ]);
  });
});

describe('the key of a pool', () => {
  it('is a string that has a UTF-8 of its own, of 1 to 96 bytes', () => {
    for (const key of ['a', 'x'.repeat(96), 'é'.repeat(48), '\0', '😀'.repeat(24)]) {
      expect(codeOf(() => checkPoolKey(key))).toBeUndefined();
    }
    const long = ['', 'x'.repeat(97), 'é'.repeat(49), '😀'.repeat(25), '\ud800', 'a\udc00b'];
    for (const key of long) expect([key, codeOf(() => checkPoolKey(key))]).toEqual([key, value]);
    for (const key of [1, undefined, null, Buffer.from('a'), new String('a')]) {
      expect(codeOf(() => checkPoolKey(key))).toBe(type);
    }
    expect(maxPoolKeyBytes).toBe(96);
  });
});

describe('the options of operations', () => {
  it('say which version is expected', () => {
    expect(expectedByPut(undefined)).toBeUndefined();
    expect(expectedByPut({})).toBeUndefined();
    expect(expectedByPut({ ifAbsent: true })).toBe(0);
    expect(expectedByPut({ ifVersion: 7 })).toBe(7);
    expect(expectedByPut({ ifVersion: 0, ifAbsent: true })).toBe(0);
    expect(expectedByDelete({ ifVersion: 7 })).toBe(7);
  });

  it('are refused when they make no sense', () => {
    const wrong: [call: () => unknown, code: string][] = [
      [() => expectedByPut(5 as never), type],
      [() => expectedByPut({ ifversion: 5 } as never), value],
      [() => expectedByPut({ ifVersion: '5' } as never), type],
      [() => expectedByPut({ ifVersion: -1 }), value],
      [() => expectedByPut({ ifVersion: 2 ** 53 }), value],
      [() => expectedByPut({ ifVersion: 5, ifAbsent: true }), value],
      [() => expectedByPut({ ifAbsent: 1 } as never), type],
      [() => expectedByDelete({ ifAbsent: true } as never), value],
      [() => expectedByDelete({ ifVersion: Number.NaN }), value],
      [() => watchSignal({ signal: {} } as never), type],
      [() => checkAmount(0.5), value],
      [() => checkAmount('1'), type],
      [() => checkAmount(2n ** 63n), value],
      [() => checkAmount(-(2n ** 63n) - 1n), value],
    ];
    for (const [call, code] of wrong)
      expect([call.toString(), codeOf(call)]).toEqual([call.toString(), code]);
  });
});
