/** Two machines with the same memory devices: this one, and one that comes, dies and comes back. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as host from './support/host.ts';
import { bootPeer, killPeer, peerModule } from './support/peer.ts';
import * as here from './support/shared-words.ts';

const there = peerModule<typeof here>('shared-words');
const devices = ['nvdimm', 'cxl'] as const;

/** Has both machines count at once, and checks that no addition was lost. */
async function countTogether(): Promise<void> {
  here.clear('nvdimm');
  const threads = 2;
  const adds = 3_000_000;
  const between = await Promise.all(
    [here, there].map((side) => side.addNatively('nvdimm', threads, adds, 2 * threads)),
  );
  // More than the other threads of one machine can add: they were at it at the same time.
  assert.ok(Math.max(...between) > (threads - 1) * adds, `${between} additions in between`);
  const jsAdds = 200_000;
  const counted = there.addInJs('nvdimm', jsAdds, 2);
  here.addInJs('nvdimm', jsAdds, 2);
  await counted;
  assert.deepEqual(here.counts('nvdimm'), { native: 2 * threads * adds, js: 2 * jsAdds });
  console.log(
    `${2 * threads * adds} native additions, of others in between: ${between.join(', ')}`,
  );
}

describe('a device that two machines share', () => {
  it('reads in each as the other wrote it', async () => {
    await bootPeer();
    await here.compileAdder();
    for (const device of devices) {
      await there.fill(device, 'second', 1);
      assert.equal(here.wrongWords(device, 'second', 1), 0, device);
      here.fill(device, 'first', 2);
      assert.equal(await there.wrongWords(device, 'first', 2), 0, device);
      // A word that differs is found.
      assert.notEqual(here.wrongWords(device, 'second', 2), 0, device);
    }
  });

  it('loses no addition of threads in both that count at once', countTogether);
});

describe('when one of two machines is killed', () => {
  it('what it wrote is there as it left it, and the other one goes on', async () => {
    const ticking = assert.rejects(there.tick('nvdimm'), /its power was cut/);
    for (let before = 0; before < 1000; before = here.record('nvdimm').sequence) await sleep(20);
    await killPeer();
    await ticking;

    const left = here.record('nvdimm');
    await sleep(500);
    assert.deepEqual(here.record('nvdimm'), left);
    // Words are written in order: the newest ones first, then those of the record before.
    const { sequence, words } = left;
    const newest = sequence % 2 === 0 ? sequence - 1 : sequence;
    const old = words.findIndex((word) => word !== newest);
    const torn = old < 0 ? 0 : words.length - old;
    assert.ok(sequence % 2 === 1 || torn === 0, `${sequence}: ${words}`);
    assert.ok(
      words.slice(words.length - torn).every((word) => word === newest - 2),
      `${words}`,
    );
    console.log(`killed at ${sequence}, ${torn} of ${words.length} words torn`);

    for (const device of devices) {
      assert.equal(here.wrongWords(device, 'second', 1), 0, device);
      here.fill(device, 'first', 3);
    }
  });

  it('it comes back to what is there now, and both go on', async () => {
    const left = here.record('nvdimm');
    await bootPeer();
    assert.deepEqual(await there.record('nvdimm'), left);
    for (const device of devices) {
      assert.equal(await there.wrongWords(device, 'second', 1), 0, device);
      assert.equal(await there.wrongWords(device, 'first', 3), 0, device);
      await there.fill(device, 'second', 4);
      assert.equal(here.wrongWords(device, 'second', 4), 0, device);
    }
    await countTogether();
  });

  it('by itself, the other one is told that nobody is left to answer', async () => {
    const dying = peerModule<typeof host>('host').cutPower();
    await assert.rejects(dying, /its power was cut/);
    await assert.rejects(there.record('nvdimm'), /its power was cut/);
    await assert.rejects(killPeer(), /is not running/);
  });
});
