/**
 * Plays an access trace on real memory: every key becomes an object of its size, reads verify its content,
 * writes change it, and at the end every byte is verified once more. The engine is driven by the count of
 * requests and nothing runs in the background, so the same trace gives the same plans.
 */

import type { Handle } from '../memory/handle.ts';
import type { TieredMemory } from '../tiered-memory.ts';
import { AccessModel } from './access-model.ts';
import { fillContent, findCorruption } from './trace-content.ts';
import { type ReadTraceOptions, readTrace } from './trace-reader.ts';
import type { TraceSource } from './trace-source.ts';
import type { TraceSurvey } from './trace-survey.ts';

/** Options of {@link replay}. */
export interface ReplayOptions extends ReadTraceOptions {
  /** Requests between two rounds of the engine. */
  readonly interval: number;
  /** Called about every thousand requests. */
  readonly onProgress?: ((requests: number, phase: 'replay' | 'verify') => void) | undefined;
}

/** Data that was not what had been written. */
export interface Corruption {
  readonly key: number;
  readonly version: number;
  /** First wrong byte; -1 when the object was gone. */
  readonly byteOffset: number;
  readonly tier: string;
  /** Requests served before; `verify` for the final pass. */
  readonly when: number | 'verify';
}

/** What happened. */
export interface ReplayResult {
  readonly requests: number;
  readonly creates: number;
  readonly reads: number;
  readonly writes: number;
  /** Bytes read and written by requests. */
  readonly bytes: number;
  readonly seconds: number;
  readonly verifySeconds: number;
  /** By tier: all requests, first touches counted where they were placed. */
  readonly served: AccessModel;
  /** By tier: requests of keys that had been seen before. */
  readonly repeated: readonly number[];
  readonly corruptReads: number;
  readonly corruptObjects: number;
  /** The first few, for a closer look. */
  readonly corruptions: readonly Corruption[];
}

const maxCorruptions = 10;
const progressMask = 0x3ff;

/** One replay over one memory. */
class Replay {
  readonly #memory: TieredMemory;
  readonly #survey: TraceSurvey;
  readonly #options: ReplayOptions;
  readonly #tierNumbers: ReadonlyMap<string, number>;
  readonly #scratch: Uint8Array;
  /** Version of each key's content; 0 before its first request. */
  readonly #versions: Uint32Array;
  readonly #served: AccessModel;
  readonly #repeated: number[];
  readonly #corruptions: Corruption[] = [];
  #requests = 0;
  #reads = 0;
  #corruptReads = 0;
  #corruptObjects = 0;

  constructor(memory: TieredMemory, survey: TraceSurvey, options: ReplayOptions) {
    this.#memory = memory;
    this.#survey = survey;
    this.#options = options;
    this.#tierNumbers = new Map(memory.tiers.map(({ name }, index) => [name, index]));
    this.#scratch = new Uint8Array(survey.largestBytes);
    this.#versions = new Uint32Array(survey.keys.size);
    this.#served = new AccessModel(memory.tiers);
    this.#repeated = memory.tiers.map(() => 0);
  }

  async run(source: TraceSource): Promise<ReplayResult> {
    const { interval, onProgress } = this.#options;
    const begin = performance.now();
    for await (const batch of readTrace(source, this.#options)) {
      for (let row = 0; row < batch.length; row++) {
        this.#request(batch.key[row], batch.write[row] === 1);
        const requests = ++this.#requests;
        if (requests % interval === 0) await this.#memory.engine.step();
        if ((requests & progressMask) === 0) onProgress?.(requests, 'replay');
      }
    }
    const middle = performance.now();
    this.#verifyAll();
    const end = performance.now();
    const creates = this.#survey.keys.size;
    return {
      requests: this.#requests,
      creates,
      reads: this.#reads,
      writes: this.#requests - this.#reads - creates,
      bytes: this.#served.byTier.reduce((sum, { bytes }) => sum + bytes, 0),
      seconds: (middle - begin) / 1000,
      verifySeconds: (end - middle) / 1000,
      served: this.#served,
      repeated: this.#repeated,
      corruptReads: this.#corruptReads,
      corruptObjects: this.#corruptObjects,
      corruptions: this.#corruptions,
    };
  }

  #request(key: number, write: boolean): void {
    const index = this.#survey.keys.indexOf(key);
    const bytes = this.#scratch.subarray(0, this.#survey.sizeBytes[index]);
    const version = this.#versions[index];
    if (version === 0) {
      fillContent(bytes, key, 1);
      this.#versions[index] = 1;
      const handle = this.#memory.storeSync(bytes, { key });
      this.#served.add(this.#tierOf(handle), bytes.length, write);
      return;
    }
    const handle = this.#memory.get<Uint8Array>(key);
    if (handle === undefined) {
      this.#corruptReads++;
      this.#note({ key, version, byteOffset: -1, tier: 'none', when: this.#requests });
      return;
    }
    const tier = this.#tierOf(handle);
    this.#repeated[tier]++;
    this.#served.add(tier, bytes.length, write);
    if (write) {
      this.#versions[index] = version + 1;
      fillContent(bytes, key, version + 1);
      handle.write(bytes);
      return;
    }
    this.#reads++;
    const byteOffset = findCorruption(handle.read(bytes), key, version);
    if (byteOffset < 0) return;
    this.#corruptReads++;
    this.#note({ key, version, byteOffset, tier: handle.tier, when: this.#requests });
  }

  #verifyAll(): void {
    const { keys, sizeBytes } = this.#survey;
    for (let index = 0; index < keys.size; index++) {
      const key = keys.keyAt(index);
      const version = this.#versions[index];
      const bytes = this.#scratch.subarray(0, sizeBytes[index]);
      const handle = this.#memory.get<Uint8Array>(key);
      const intact = handle !== undefined && handle.byteLength === bytes.length;
      const byteOffset = intact ? findCorruption(handle.read(bytes), key, version) : 0;
      if (!intact || byteOffset >= 0) {
        this.#corruptObjects++;
        const tier = handle?.tier ?? 'none';
        this.#note({ key, version, byteOffset: intact ? byteOffset : -1, tier, when: 'verify' });
      }
      if ((index & progressMask) === 0) this.#options.onProgress?.(index, 'verify');
    }
  }

  #tierOf(handle: Handle<Uint8Array>): number {
    return this.#tierNumbers.get(handle.tier)!;
  }

  #note(corruption: Corruption): void {
    if (this.#corruptions.length < maxCorruptions) this.#corruptions.push(corruption);
  }
}

/**
 * Plays `source` on `memory`, which must be empty and have no background migration. `survey` is of the same
 * source with the same limit. Throws `ERR_TIER_TRACE` for the trace, `ERR_TIER_FULL` when objects do not fit.
 */
export async function replay(
  memory: TieredMemory,
  source: TraceSource,
  survey: TraceSurvey,
  options: ReplayOptions,
): Promise<ReplayResult> {
  return await new Replay(memory, survey, options).run(source);
}
