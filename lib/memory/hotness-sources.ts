/** The hotness sources that are open: told what to watch, asked one after the other, replaced when they fail. */

import { TierError } from '../errors.ts';
import { nativeBinding } from '../native.ts';
import type { NativeHeap } from './heap-binding.ts';
import type {
  HotnessProbe,
  HotnessSample,
  HotnessSourceKind,
  NativeHotnessSource,
} from './hotness-binding.ts';
import { type HotnessLadder, hotnessSourceKinds } from './hotness-ladder.ts';

/** Which sources work here, best first; none without the native part. Takes milliseconds. */
export function probeHotnessSources(): readonly HotnessProbe[] {
  const binding = nativeBinding();
  return binding instanceof TierError ? [] : binding.probeHotnessSources();
}

/** What one source found. */
export interface Finding {
  readonly kind: HotnessSourceKind;
  readonly sample: HotnessSample;
}

/** Failures in a row after which a source is given up. */
const maxFailures = 3;

interface OpenSource {
  readonly kind: HotnessSourceKind;
  readonly native: NativeHotnessSource;
  /** Version of the list of chunks it has. */
  version: number;
  failures: number;
}

/** Sources at work for one heap. */
export class HotnessSources {
  readonly #heap: NativeHeap;
  readonly #ladder: HotnessLadder;
  #open: OpenSource[] = [];
  #errors = 0;
  #lastError: string | undefined;

  constructor(heap: NativeHeap, ladder: HotnessLadder) {
    this.#heap = heap;
    this.#ladder = ladder;
  }

  /** The kinds that are open. */
  get kinds(): HotnessSourceKind[] {
    return this.#open.map(({ kind }) => kind);
  }

  /** Openings and looks that failed. */
  get errors(): number {
    return this.#errors;
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Opens what the ladder says, and steps down where that fails. */
  open(): void {
    for (let tries = 0; tries < hotnessSourceKinds.length; tries++) {
      const kind = this.#ladder.chosen().find((chosen) => !this.kinds.includes(chosen));
      if (kind === undefined) return;
      try {
        const native = this.#heap.openHotnessSource(kind);
        this.#open.push({ kind, native, version: -1, failures: 0 });
      } catch (error) {
        this.#note(error);
        this.#ladder.drop(kind, messageOf(error));
      }
    }
  }

  /**
   * Has every source watch `chunks`, whose `version` tells whether they are new. To be called before every look: a
   * source must not look at chunks that were freed.
   */
  watch(chunks: readonly number[], version: number): void {
    for (const source of [...this.#open]) {
      if (source.version === version) continue;
      try {
        source.native.watch(Uint32Array.from(chunks));
        source.version = version;
      } catch (error) {
        this.#failed(source, error);
      }
    }
  }

  /** Looks once with those that watch `version`, off the main thread. Never rejects. */
  async look(version: number): Promise<Finding[]> {
    const findings: Finding[] = [];
    // One at a time: the thread pool is for others, too.
    for (const source of this.#open.filter((open) => open.version === version)) {
      if (!this.#open.includes(source)) continue;
      try {
        const sample = await source.native.collect();
        source.failures = 0;
        findings.push({ kind: source.kind, sample });
      } catch (error) {
        this.#failed(source, error);
      }
    }
    return findings;
  }

  /** Closes all; a look under way finds what it still can. */
  close(): void {
    const sources = this.#open;
    this.#open = [];
    for (const { native } of sources) native.close();
  }

  #failed(source: OpenSource, error: unknown): void {
    if (!this.#open.includes(source)) return;
    this.#note(error);
    source.failures++;
    if (source.failures < maxFailures) return;
    this.#ladder.drop(source.kind, `failed ${maxFailures} times: ${messageOf(error)}`);
    this.#open = this.#open.filter((open) => open !== source);
    source.native.close();
  }

  #note(error: unknown): void {
    this.#errors++;
    this.#lastError = messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof TierError ? error.message : String(error);
}
