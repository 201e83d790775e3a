/** What a simulation plays: a stream of accesses, from a trace or made up. */

import type { TraceBatch } from './trace-parser.ts';
import { type ReadTraceOptions, readTrace } from './trace-reader.ts';
import type { TraceSource } from './trace-source.ts';

/** Accesses that can be played any number of times, each time the same. */
export interface Workload {
  readonly name: string;
  /** Accesses of the program that one of the stream stands for. */
  readonly weight: number;
  /** Requests at the start that only bring every object into being. Default 0. */
  readonly loadRequests?: number | undefined;
  /** Requests after which the pattern changes for good, ascending, where that is known. */
  readonly shifts?: readonly number[] | undefined;
  /** The accesses from the first on. A batch is valid until the next one is asked for. */
  batches(): AsyncIterable<TraceBatch> | Iterable<TraceBatch>;
}

/** Options of {@link traceWorkload}. */
export interface TraceWorkloadOptions extends ReadTraceOptions {
  /** Accesses one request stands for: above 1 for sampled traces. Default 1. */
  readonly weight?: number | undefined;
}

/** The requests of a trace. */
export function traceWorkload(source: TraceSource, options: TraceWorkloadOptions = {}): Workload {
  return {
    name: source.name,
    weight: options.weight ?? 1,
    batches: () => readTrace(source, options),
  };
}

/** What {@link narrowed} changes. */
export interface NarrowOptions {
  /** Only the first so many requests. Default: all. */
  readonly limit?: number | undefined;
  /** Accesses one request stands for. Default: what the workload says. */
  readonly weight?: number | undefined;
}

/** A workload with another weight, or the beginning of it. */
export function narrowed(workload: Workload, options: NarrowOptions): Workload {
  const { limit, weight = workload.weight } = options;
  return {
    name: workload.name,
    weight,
    get loadRequests() {
      return workload.loadRequests;
    },
    get shifts() {
      return workload.shifts;
    },
    batches: () => (limit === undefined ? workload.batches() : beginning(workload, limit)),
  };
}

async function* beginning(workload: Workload, limit: number): AsyncGenerator<TraceBatch> {
  let left = limit;
  for await (const batch of workload.batches()) {
    batch.length = Math.min(batch.length, left);
    left -= batch.length;
    yield batch;
    if (left === 0) return;
  }
}
