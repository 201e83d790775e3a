/** One pool on a memory device that two machines have: this one, and one that comes, dies and comes back. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootPeer, killPeer, peerModule } from './support/peer.ts';
import * as here from './support/shared-pool.ts';

const there = peerModule<typeof here>('shared-pool');
const keys = 40;
const churned = 12;

describe('a pool that two machines are members of', () => {
  it('is allocated from, published in and read by both at once', async () => {
    await bootPeer();
    await here.join('nvdimm', true, 'hardware');
    await there.join('nvdimm', false, 'hardware');
    await Promise.all([
      there.publish('nvdimm', 'second', keys, 1),
      here.publish('nvdimm', 'first', keys, 1),
    ]);
    assert.equal(here.wrong('nvdimm', 'second', keys, 1), 0);
    assert.equal(await there.wrong('nvdimm', 'first', keys, 1), 0);
    // What differs is found.
    assert.equal(here.wrong('nvdimm', 'second', keys, 2), keys);
    assert.equal(here.members('nvdimm').elsewhere.length, 1);
    assert.deepEqual(await here.damages('nvdimm'), []);
  });

  it('loses no addition of both, and keeps one of two values that both put', async () => {
    const adds = 3000;
    await Promise.all([there.count('nvdimm', adds), here.count('nvdimm', adds)]);
    assert.equal(here.count('nvdimm', 0), 2 * adds);
    await Promise.all([
      there.publish('nvdimm', 'both', keys, 1),
      here.publish('nvdimm', 'both', keys, 2),
    ]);
    const [first, second] = [
      here.wrong('nvdimm', 'both', keys, 1),
      await there.wrong('nvdimm', 'both', keys, 2),
    ];
    assert.equal(first + second, keys);
    assert.deepEqual(await there.damages('nvdimm'), []);
  });

  it('on a CXL device with software coherence is written by one and read by the other', async () => {
    await here.join('cxl', true, 'software');
    here.publish('cxl', 'first', keys / 4, 1);
    await there.join('cxl', false, 'software');
    for (const round of [1, 2]) {
      here.publish('cxl', 'first', keys / 4, round);
      assert.equal(await there.wrong('cxl', 'first', keys / 4, round), 0);
    }
    await assert.rejects(
      there.publish('cxl', 'second', 1, 1),
      /ERR_TIER_NO_PERMISSION|one host writes|read only/,
    );
    assert.equal(here.members('cxl').elsewhere.length, 0);
    assert.deepEqual(await here.damages('cxl'), []);
  });
});

describe('when one of two machines is killed', () => {
  it('the other goes on with what is there, and with all of it once that host is declared gone', async () => {
    const free = here.freeBytes('nvdimm');
    const dying = assert.rejects(there.churn('nvdimm', churned), /its power was cut/);
    const before = here.rounds('nvdimm');
    while (here.rounds('nvdimm') < before + 3 * churned) await sleep(20);
    await killPeer();
    await dying;

    // Nobody can tell from here that it is dead: it keeps what it had, and nobody waits to read.
    const { elsewhere } = here.members('nvdimm');
    assert.equal(elsewhere.length, 2, 'the pool, and the tier on it');
    assert.equal(here.wrong('nvdimm', 'second', keys, 1), 0);
    assert.equal(here.torn('nvdimm', churned), 0);
    assert.ok(here.freeBytes('nvdimm') <= free - 6 * 2 ** 20);

    assert.equal(await here.reclaim('nvdimm', elsewhere[0] as string), 2);
    assert.deepEqual(here.members('nvdimm').elsewhere, []);
    here.publish('nvdimm', 'second', keys, 3);
    here.publish('nvdimm', 'churn', churned, 5);
    assert.equal(here.wrong('nvdimm', 'churn', churned, 5), 0);
    assert.deepEqual(await here.damages('nvdimm'), []);
    const back = here.freeBytes('nvdimm');
    console.log(
      `killed after ${here.rounds('nvdimm')} changes; ${free} bytes were free, ${back} are`,
    );
  });

  it('it comes back to what is there now, and both go on', async () => {
    await bootPeer();
    await there.join('nvdimm', false, 'hardware');
    assert.equal(await there.wrong('nvdimm', 'second', keys, 3), 0);
    await Promise.all([
      there.publish('nvdimm', 'second', keys, 4),
      here.publish('nvdimm', 'first', keys, 4),
    ]);
    assert.equal(here.wrong('nvdimm', 'second', keys, 4), 0);
    assert.equal(await there.wrong('nvdimm', 'first', keys, 4), 0);
    await there.join('cxl', false, 'software');
    assert.equal(await there.wrong('cxl', 'first', keys / 4, 2), 0);
    await there.leave('nvdimm');
    assert.deepEqual(here.members('nvdimm').elsewhere, []);
    assert.deepEqual(await here.damages('nvdimm'), []);
  });
});
