/** Runs first: writes, flushes, and has the power cut in the middle of the next checkpoint. */

import { PersistentRegion, TieredMemory } from '../../dist/index.js';
import { cutPower } from './support/host.ts';
import { files, fillRegion, fillStore, regionLength, regionPaths } from './support/power-loss.ts';

const regions = regionPaths().map((path) =>
  PersistentRegion.open(Float64Array, { path, length: regionLength }),
);
for (const region of regions) {
  fillRegion(region.view);
  await region.flush();
  // Not flushed: may be there or not.
  region.view.fill(-1, regionLength / 2);
}

const memory = await TieredMemory.open({ background: false });
fillStore(memory, 1);
for (const path of files()) await memory.checkpoint(path);

fillStore(memory, 2);
void memory.checkpoint(files()[0]);
setTimeout(() => void cutPower(), 20);
