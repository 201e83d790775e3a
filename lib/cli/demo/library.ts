/**
 * The agent's memory on tiers: every word vector, passage vector and passage text is one object. Each read is
 * counted by the tier that served it, and its bytes are checked.
 */

import { AccessModel } from '../../simulation/access-model.ts';
import type { TieredMemory } from '../../tiered-memory.ts';
import { type AgentMemory, passageVector } from './agent.ts';
import type { Corpus } from './corpus.ts';
import { dimensions, type Embedding } from './embedding.ts';

/** FNV-1a over 32-bit words, then over the bytes that are left. */
function checksum(bytes: Uint8Array): number {
  const whole = bytes.byteLength >>> 2;
  const words =
    (bytes.byteOffset & 3) === 0
      ? new Uint32Array(bytes.buffer, bytes.byteOffset, whole)
      : new Uint32Array(bytes.slice().buffer, 0, whole);
  let hash = 0x811c9dc5;
  for (let i = 0; i < whole; i++) hash = Math.imul(hash ^ words[i], 0x01000193);
  for (let i = whole * 4; i < bytes.byteLength; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash >>> 0;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Accesses of one part of the demo. */
export interface Chapter {
  /** By the tier that really served. */
  readonly served: AccessModel;
  /** The same accesses, had every object stayed where it was first put. */
  readonly unmoved: AccessModel;
}

/** All objects: words, then passage vectors, then passage texts. */
export class Library implements AgentMemory {
  readonly #memory: TieredMemory;
  readonly #corpus: Corpus;
  readonly #embedding: Embedding;
  readonly #tierNumbers: ReadonlyMap<string, number>;
  readonly keys: readonly string[];
  readonly #checksums: Uint32Array;
  readonly #bytes: Uint32Array;
  /** Reads of each object so far. */
  readonly reads: Uint32Array;
  #first: Uint8Array = new Uint8Array(0);
  #chapter: Chapter;
  #corrupt = 0;

  constructor(memory: TieredMemory, corpus: Corpus, embedding: Embedding) {
    this.#memory = memory;
    this.#corpus = corpus;
    this.#embedding = embedding;
    this.#tierNumbers = new Map(memory.tiers.map(({ name }, index) => [name, index]));
    this.keys = libraryKeys(corpus);
    this.#checksums = new Uint32Array(this.keys.length);
    this.#bytes = new Uint32Array(this.keys.length);
    this.reads = new Uint32Array(this.keys.length);
    this.#chapter = this.#newChapter();
  }

  /** Bytes of an object. */
  byteLength(object: number): number {
    return this.#bytes[object];
  }

  /** Reads that returned other bytes than were stored. */
  get corruptReads(): number {
    return this.#corrupt;
  }

  /** Stores everything in the order in which the text brings it up; the policy places it. */
  storeAll(onProgress: (share: number) => void): void {
    const { passages, vocabulary } = this.#corpus;
    const vectorOf = (word: number): Float32Array =>
      this.#embedding.words.subarray(word * dimensions, (word + 1) * dimensions);
    let words = 0;
    for (const [index, passage] of passages.entries()) {
      // The vocabulary is in order of first appearance, so new words continue where we are.
      for (const word of passage.words) {
        if (word < words) continue;
        this.#store(words, vectorOf(words));
        words++;
      }
      const vector = passageVector(passage, this.#embedding, vectorOf);
      this.#store(vocabulary.length + index, vector);
      this.#store(vocabulary.length + passages.length + index, passage.text);
      if ((index & 255) === 0) onProgress(index / passages.length);
    }
    this.#first = this.placement();
  }

  /** Tier number of each object now. */
  placement(): Uint8Array {
    return Uint8Array.from(
      this.keys,
      (key) => this.#tierNumbers.get(this.#memory.get(key)!.tier) as number,
    );
  }

  /** Ends the chapter at hand and begins the next. */
  endChapter(): Chapter {
    const ended = this.#chapter;
    this.#chapter = this.#newChapter();
    return ended;
  }

  wordVector(word: number): Float32Array {
    return this.#vector(word);
  }

  passageVector(passage: number): Float32Array {
    return this.#vector(this.#corpus.vocabulary.length + passage);
  }

  passageText(passage: number): string {
    const { passages, vocabulary } = this.#corpus;
    const object = vocabulary.length + passages.length + passage;
    const handle = this.#memory.get<string>(this.keys[object])!;
    this.#count(object, handle.tier);
    const text = handle.read();
    this.#check(object, Buffer.from(text));
    return text;
  }

  /** Reads every object once, uncounted, and returns how many are not what was stored. */
  verifyAll(): number {
    let wrong = 0;
    for (const [object, key] of this.keys.entries()) {
      const view = this.#memory.get(key)?.borrow();
      if (
        view === undefined ||
        checksum(bytesOf(view as ArrayBufferView)) !== this.#checksums[object]
      ) {
        wrong++;
      }
    }
    return wrong;
  }

  #store(object: number, data: Float32Array | string): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : bytesOf(data);
    this.#checksums[object] = checksum(bytes);
    this.#bytes[object] = bytes.byteLength;
    this.#memory.storeSync(data, { key: this.keys[object] });
  }

  /** A vector in place, without a copy: the agent is done with it before anything can move. */
  #vector(object: number): Float32Array {
    const handle = this.#memory.get<Float32Array>(this.keys[object])!;
    this.#count(object, handle.tier);
    const vector = handle.borrow() as Float32Array;
    this.#check(object, bytesOf(vector));
    return vector;
  }

  #count(object: number, tierName: string): void {
    const bytes = this.#bytes[object];
    this.reads[object]++;
    this.#chapter.served.add(this.#tierNumbers.get(tierName) as number, bytes, false);
    this.#chapter.unmoved.add(this.#first[object], bytes, false);
  }

  #check(object: number, bytes: Uint8Array): void {
    if (checksum(bytes) !== this.#checksums[object]) this.#corrupt++;
  }

  #newChapter(): Chapter {
    const { tiers } = this.#memory;
    return { served: new AccessModel(tiers), unmoved: new AccessModel(tiers) };
  }
}

/** Keys of all objects, by number. */
function libraryKeys({ vocabulary, passages }: Corpus): string[] {
  return [
    ...vocabulary.map((word) => `word:${word}`),
    ...passages.map(({ id }) => `vector:${id}`),
    ...passages.map(({ id }) => `text:${id}`),
  ];
}
