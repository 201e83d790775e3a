import { describe, expect, it } from 'vitest';
import type { StoredData } from '../../../lib/memory/data.ts';
import { Handle } from '../../../lib/memory/handle.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { damageableStore, ownerOf } from '../../support/damageable-heap.ts';
import { codeOf } from '../../support/outcomes.ts';
import { modelTiers } from '../../support/stores.ts';

const sizes = [1, 100, 4096, 1024 * 1024, 3 * chunkBytes + 5];

function content(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.imul(seed + i, 0x9e3779b1) >>> 24);
}

const open = () => damageableStore(modelTiers([64]));

describe.each(sizes)('a verified value of %i bytes', (size) => {
  const bytes = content(size, size);

  it('is read, borrowed and leased like any other', () => {
    const { put, handle } = open();
    put(1, bytes, 0, true);
    expect(Buffer.compare(handle(1).read(), bytes)).toBe(0);
    expect(Buffer.compare(handle(1).read(new Uint8Array(size)), bytes)).toBe(0);
    expect(Buffer.compare(handle(1).borrow(), bytes)).toBe(0);
    using lease = handle(1).lease();
    expect(Buffer.compare(lease.view, bytes)).toBe(0);
  });

  it.each(['read', 'read(into)', 'borrow', 'lease'] as const)(
    'throws ERR_TIER_CORRUPT from %s when one bit of it changed, and from then on',
    (how) => {
      const { store, put, handle, corrupt } = open();
      put(1, bytes, 0, true);
      put(2, bytes, 0, true);
      corrupt(1, size - 1);
      const action = {
        read: () => handle(1).read(),
        'read(into)': () => handle(1).read(new Uint8Array(size)),
        borrow: () => handle(1).borrow(),
        lease: () => handle(1).lease(),
      }[how];
      expect(codeOf(action)).toBe('ERR_TIER_CORRUPT');
      // Put right behind its back: still not to be trusted.
      corrupt(1, size - 1);
      expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_CORRUPT');
      expect(handle(2).read()).toHaveLength(size);
      expect(store.integrity.book.list()).toEqual([
        { key: 1, kind: 'value', tier: 'L1_DDR', cause: 'corrupt', byteLength: size },
      ]);
      expect(store.holds.open).toBe(0);
    },
  );

  it('is whole again when written again in full, and stays verified', () => {
    const { store, put, handle, corrupt } = open();
    put(1, bytes, 0, true);
    for (let i = 0; i < 3; i++) {
      corrupt(1);
      expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_CORRUPT');
      const next = content(i, size);
      handle(1).write(next);
      expect(Buffer.compare(handle(1).read(), next)).toBe(0);
      expect(store.integrity.book.list()).toEqual([]);
    }
  });

  it('is known no more when deleted, whoever gets its record', () => {
    const { store, put, handle, corrupt } = open();
    const id = put(1, bytes, 0, true);
    corrupt(1);
    expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_CORRUPT');
    store.remove(id);
    expect(store.integrity.book.list()).toEqual([]);
    expect(put(2, bytes)).toBe(id);
    corrupt(2);
    // Not verified: nobody is told.
    expect(handle(2).read()).toHaveLength(size);
  });
});

describe('verification', () => {
  it('follows a value through writes of other sizes, shorter, longer, large and small', () => {
    const { put, handle, corrupt } = open();
    put(1, content(1, 10), 0, true);
    for (const size of [9, 12, 200_000, 7_000_000, 7_000_000, 5_000_000, 3]) {
      const bytes = content(size, size);
      handle(1).write(bytes);
      expect(Buffer.compare(handle(1).read(), bytes)).toBe(0);
    }
    corrupt(1, 2);
    expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_CORRUPT');
  });

  it('is given and taken by storing again under the key', () => {
    const { put, handle, corrupt } = open();
    for (const size of [50, 3_000_000]) {
      put(1, content(1, size), 0, false);
      put(1, content(2, size), 0, true);
      corrupt(1);
      expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_CORRUPT');
      put(1, content(3, size), 0, false);
      corrupt(1);
      expect(handle(1).read()).toHaveLength(size);
    }
  });

  it('is asked for by none and costs none a byte', () => {
    const { store, put } = open();
    put(1, content(1, 100));
    const before = store.metadataBytes;
    put(2, content(2, 100));
    expect(store.metadataBytes).toBe(before);
    put(3, content(3, 100), 0, true);
    expect(store.metadataBytes).toBeGreaterThan(before);
  });

  it('looks at what is handed out, not at what it was copied from', () => {
    const { store, put, handle, corrupt } = open();
    put(1, content(1, 64), 0, true);
    const into = new (class extends Uint8Array {
      override set(source: ArrayLike<number>): void {
        super.set(source);
        this[0] ^= 1;
      }
    })(64);
    expect(codeOf(() => handle(1).read(into))).toBe('ERR_TIER_CORRUPT');
    expect(store.integrity.book.totals()).toMatchObject({ corruptUnits: 1, corruptBytes: 64 });
    corrupt(1);
  });

  it('gives every type back as it was', () => {
    const { store } = open();
    const order = () => ({ tiers: [0], node: -1, pinned: false });
    const owner = ownerOf(store);
    const bytes = content(1, 64) as Uint8Array<ArrayBuffer>;
    const cases: [number, StoredData][] = [
      [7, new Float32Array(bytes.buffer)],
      [11, new DataView(bytes.buffer, 0, 64)],
      [12, bytes.buffer],
      [13, Buffer.from(bytes)],
      [14, 'ünïcödé 🦎'],
    ];
    for (const [code, data] of cases) {
      const id = store.put(code, code, data, order, true);
      const read = new Handle(owner, id, false).read();
      expect(read).toStrictEqual(data);
      expect(Object.getPrototypeOf(read)).toBe(Object.getPrototypeOf(data));
    }
  });
});

describe('a lease of a verified value', () => {
  it('that writes takes the checksum anew when it ends, and until then nothing is checked', () => {
    for (const size of [64, 3_000_000]) {
      const { store, put, handle, corrupt } = open();
      put(1, content(1, size), 0, true);
      const first = handle(1).lease({ write: true });
      const second = handle(1).lease({ write: true });
      first.view[0] ^= 0xff;
      expect(handle(1).read()[0]).toBe(first.view[0]);
      first.dispose();
      second.view[size - 1] ^= 0xff;
      expect(handle(1).read()[size - 1]).toBe(second.view[size - 1]);
      const written = second.view.slice();
      second.dispose();
      second.dispose();
      expect(Buffer.compare(handle(1).read(), written)).toBe(0);
      corrupt(1);
      expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_CORRUPT');
      expect(store.holds.open).toBe(0);
    }
  });

  it('that was not opened for writing does not launder what is written through it', () => {
    const { put, handle } = open();
    put(1, content(1, 64), 0, true);
    const lease = handle(1).lease();
    lease.view[3] ^= 1;
    lease.dispose();
    expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_CORRUPT');
  });

  it('that writes leaves a value alone that was written elsewhere meanwhile', () => {
    const { put, handle, corrupt } = open();
    put(1, content(1, 64), 0, true);
    const first = handle(1).lease({ write: true });
    const next = content(2, 64);
    handle(1).write(next);
    first.view.fill(9);
    first.dispose();
    expect(handle(1).read()).toEqual(next);
    const second = handle(1).lease({ write: true });
    handle(1).write(next);
    corrupt(1);
    second.dispose();
    expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_CORRUPT');
  });

  it('refuses options of a wrong type', () => {
    const { store, put, handle } = open();
    put(1, content(1, 64));
    expect(codeOf(() => handle(1).lease({ write: 1 as never }))).toBe('ERR_INVALID_ARG_TYPE');
    expect(codeOf(() => handle(1).lease(null as never))).toBe('ERR_INVALID_ARG_TYPE');
    expect(store.holds.open).toBe(0);
  });
});
