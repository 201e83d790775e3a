/** What a simulation plays: a stream of accesses, from a trace or made up. */

import type { TraceBatch } from './trace-parser.ts';
import { type ReadTraceOptions, readTrace } from './trace-reader.ts';
import type { TraceSource } from './trace-source.ts';

/** Accesses that can be played any number of times, each time the same. */
export interface Workload {
  readonly name: string;
  /** Accesses of the program that one of the stream stands for. */
  readonly weight: number;
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
