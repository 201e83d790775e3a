/** A workload as the command line names it: a synthetic one, a trace file, or `-` for standard input. */

import type { Readable } from 'node:stream';
import { TierError } from '../errors.ts';
import { openTrace } from '../simulation/trace-source.ts';
import { narrowed, traceWorkload, type Workload } from '../simulation/workload.ts';
import {
  isWorkloadText,
  parseWorkload,
  workloadNames,
} from '../simulation/workloads/parse-workload.ts';
import { nearestWord } from '../tiers/option-checks.ts';

/** A workload, and what to call when it is no longer needed. */
export interface OpenWorkload {
  readonly workload: Workload;
  close(): Promise<void>;
}

/** Options of {@link openWorkload}. */
export interface OpenWorkloadOptions {
  /** Only the first so many requests. Default: all. */
  readonly limit?: number | undefined;
  /** Accesses one request stands for. Default: as the workload says. */
  readonly weight?: number | undefined;
}

/**
 * Opens what a positional argument names.
 *
 * @throws RangeError for a synthetic workload with wrong settings
 * @throws TierError when there is neither a workload nor a readable trace of that name
 */
export async function openWorkload(
  text: string,
  stdin: Readable,
  { limit, weight }: OpenWorkloadOptions,
): Promise<OpenWorkload> {
  if (isWorkloadText(text)) {
    return { workload: narrowed(parseWorkload(text), { limit, weight }), close: async () => {} };
  }
  try {
    const source = await openTrace(text, stdin);
    return {
      workload: traceWorkload(source, { limit, weight }),
      close: () => source.close(),
    };
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (!(error instanceof TierError) || code !== 'ENOENT') throw error;
    const guess = nearestWord(/^[^:,]*/.exec(text)![0], workloadNames);
    throw new TierError(error.code, `There is no workload and no trace "${text}".`, {
      hint:
        guess === undefined
          ? `Check the path; synthetic workloads are ${workloadNames.join(', ')}.`
          : `Did you mean the workload "${guess}"?`,
      cause: error,
    });
  }
}
