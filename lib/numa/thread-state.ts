/** What there is once in a thread, however many optimizers it has: its pins, its workers, the topology. */

import type { NativeBinding } from '../native.ts';
import { PlacedWorkers } from './placed-workers.ts';
import { ThreadPins } from './thread-pins.ts';
import { TopologySource } from './topology-source.ts';

/** The parts that belong to this thread. */
export interface ThreadState {
  readonly source: TopologySource;
  readonly pins: ThreadPins;
  readonly workers: PlacedWorkers;
}

const states: WeakMap<NativeBinding, ThreadState> = new WeakMap();

/** The state of this thread, made on first use. The addon has a binding for each thread that loads it. */
export function threadState(native: NativeBinding): ThreadState {
  let state = states.get(native);
  if (state === undefined) {
    const source = new TopologySource(native);
    const pins = new ThreadPins(native, () => source.topology.allowedCpus);
    state = { source, pins, workers: new PlacedWorkers(native) };
    states.set(native, state);
  }
  return state;
}
