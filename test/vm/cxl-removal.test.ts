/** A CXL device that is pulled out loses what it held, and nobody is told. */

import { existsSync } from 'node:fs';
import { it } from 'node:test';
import { qmp } from './support/host.ts';
import { expectVerifiedValuesToTell, until } from './support/silent-loss.ts';

it('the removal of the CXL device under the data is noticed by the values that asked to be verified', async () => {
  await expectVerifiedValuesToTell(async () => {
    await qmp('device_del', { id: 'cxl0' });
    await until(() => !existsSync('/sys/bus/cxl/devices/mem0'), 'the removal of the CXL device');
  });
});
