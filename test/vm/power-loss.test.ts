/** After the power was cut: what had been flushed is there. See power-loss.ts for what came before. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PersistentRegion, TieredMemory } from '../../dist/index.js';
import { content, files, regionLength, regionPaths } from './support/power-loss.ts';

for (const path of regionPaths()) {
  it(`what was flushed to ${path} has survived`, () => {
    const region = PersistentRegion.open(Float64Array, { path, length: regionLength });
    const half = region.view.subarray(0, regionLength / 2);
    assert.equal(
      half.findIndex((value, i) => value !== i * 0.5),
      -1,
    );
    // Each of these was overwritten and not flushed.
    const rest = region.view.subarray(regionLength / 2);
    assert.ok(rest.every((value, i) => value === -1 || value === (i + regionLength / 2) * 0.5));
    region.close();
  });
}

for (const [index, path] of files().entries()) {
  it(`the checkpoint ${path} is whole, with keys, types and tiers`, async () => {
    const memory = await TieredMemory.open({ background: false });
    const { objects } = await memory.restore(path);
    assert.equal(objects, 401);
    const version = memory.get<string>('version')!.read();
    // The first was being written again when the power went: the old one or the new one, never a part.
    assert.ok(index === 0 ? /^version [12]$/.test(version) : version === 'version 1');
    for (let i = 0; i < 400; i++) {
      const handle = memory.get<Buffer>(`value ${i}`)!;
      assert.equal(handle.type, 'Buffer');
      assert.equal(handle.tier, i % 3 === 0 ? 'L3_PMEM' : 'L1_DDR');
      assert.ok(handle.read().equals(content(i, Number(version.slice(-1)))), `value ${i}`);
    }
    await memory.close();
  });
}
