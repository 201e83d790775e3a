/** Lets a PCI device report errors that are masked after a reset (PCI Express, Advanced Error Reporting). */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const firstExtendedCapability = 0x100;
const advancedErrorReporting = 1;
const uncorrectableMask = 8;
const internalError = 1 << 22;

/** Unmasks uncorrectable internal errors of a device, e.g. `0000:0d:00.0`. */
export function unmaskInternalErrors(device: string): void {
  const file = openSync(`/sys/bus/pci/devices/${device}/config`, 'r+');
  const word = Buffer.alloc(4);
  const read = (offset: number): number => {
    readSync(file, word, 0, 4, offset);
    return word.readUInt32LE(0);
  };
  try {
    for (let at = firstExtendedCapability; at !== 0; at = read(at) >>> 20) {
      if ((read(at) & 0xffff) !== advancedErrorReporting) continue;
      word.writeUInt32LE((read(at + uncorrectableMask) & ~internalError) >>> 0, 0);
      writeSync(file, word, 0, 4, at + uncorrectableMask);
      return;
    }
  } finally {
    closeSync(file);
  }
  throw new Error(`${device} does not report errors`);
}
