/** A CXL link that is reset loses what the device held, and nobody is told. */

import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { qmp } from './support/host.ts';
import { unmaskInternalErrors } from './support/pci-errors.ts';
import { expectVerifiedValuesToTell, until } from './support/silent-loss.ts';

const device = '0000:0d:00.0';
const rootPort = '0000:0c:00.0';

it('a reset of the CXL device under the data is noticed by the values that asked to be verified', async () => {
  await expectVerifiedValuesToTell(async () => {
    unmaskInternalErrors(device);
    unmaskInternalErrors(rootPort);
    await qmp('cxl-inject-uncorrectable-errors', {
      path: '/machine/peripheral/cxl0',
      errors: [{ type: 'cache-address-parity', header: [1, 2, 3] }],
    });
    const recovered = /device recovery (successful|failed)/;
    await until(() => recovered.test(kernelLog()), 'the recovery of the CXL device');
  });
});

const kernelLog = (): string => execFileSync('dmesg', { encoding: 'utf8' });
