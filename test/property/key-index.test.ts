import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Key, KeyArena } from '../../lib/memory/key-arena.ts';
import { KeyIndex } from '../../lib/memory/key-index.ts';

/** An index over a plain list of key references, as the store has in its records. */
function makeIndex() {
  const arena = new KeyArena();
  const refs: number[] = [];
  return { arena, refs, index: new KeyIndex(arena, (id) => refs[id]) };
}

const anyKey: fc.Arbitrary<Key> = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.maxSafeInteger(),
  fc.string({ minLength: 1, maxLength: 40 }),
  fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
  fc.integer({ min: 0, max: 200 }).map(String),
);

describe('the key index', () => {
  it('finds what a Map finds after any sequence of additions and removals', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ key: anyKey, add: fc.boolean() }), { maxLength: 400, size: 'max' }),
        (steps) => {
          const { arena, refs, index } = makeIndex();
          const model = new Map<Key, number>();
          for (const { key, add } of steps) {
            const id = index.find(key);
            expect(id).toBe(model.get(key) ?? -1);
            if (add && id < 0) {
              refs.push(arena.add(key));
              index.add(key, refs.length - 1);
              model.set(key, refs.length - 1);
            } else if (!add && id >= 0) {
              index.remove(key, id);
              arena.remove(refs[id]);
              model.delete(key);
            }
          }
          expect(index.count).toBe(model.size);
          for (const [key, id] of model) {
            expect(index.find(key)).toBe(id);
            expect(arena.read(refs[id])).toBe(key);
          }
        },
      ),
    );
  });

  it('holds 300,000 keys, finds each and no other, and forgets those removed', () => {
    const { arena, refs, index } = makeIndex();
    const count = 300_000;
    for (let i = 0; i < count; i++) {
      refs.push(arena.add(`user:${i}`));
      index.add(`user:${i}`, i);
    }
    for (let i = 0; i < count; i += 2) index.remove(`user:${i}`, i);
    let wrong = 0;
    for (let i = 0; i < count; i++) if (index.find(`user:${i}`) !== (i % 2 === 0 ? -1 : i)) wrong++;
    for (let i = count; i < count + 1000; i++) if (index.find(`user:${i}`) !== -1) wrong++;
    expect(wrong).toBe(0);
    expect(index.count).toBe(count / 2);
    // Eight bytes a slot at a load between 3/8 and 3/4.
    expect(index.bytes / count).toBeLessThan(24);
  });

  it('tells a number from its decimal string', () => {
    const { arena, refs, index } = makeIndex();
    refs.push(arena.add(7));
    index.add(7, 0);
    expect(index.find('7')).toBe(-1);
    expect(index.find(7)).toBe(0);
  });

  it('reuses the bytes of removed keys', () => {
    const arena = new KeyArena();
    for (let round = 0; round < 50; round++) {
      const refs = Array.from({ length: 1000 }, (_, i) => arena.add(`key number ${i}`));
      for (const ref of refs) arena.remove(ref);
    }
    expect(arena.bytes).toBe(1024 * 1024);
  });
});
