/**
 * Embedding vectors, computed from the text itself by random indexing (Kanerva et al. 2000): a word's vector
 * is the sum of the sparse random signatures of its neighbours, rare ones weighing more; a passage's is the
 * weighted mean of its words'. No neural model, but real vectors of real text: words that are used alike lie
 * close. Deterministic.
 */

import type { Corpus } from './corpus.ts';

/** Components of a vector; 4 KiB as float32, the size common text-embedding models have. */
export const dimensions = 1024;

const windowWords = 3;
const signatureSize = 8;

/** Vectors of a corpus. */
export interface Embedding {
  /** Inverse passage frequency of each word: ln(passages / passages with the word). */
  readonly weights: Float32Array;
  /** Unit vectors of the words, one after another. */
  readonly words: Float32Array;
}

/** Positions (low bits) and signs (bit 31) of the non-zero components of each word's signature. */
function signatures(count: number): Int32Array {
  const table = new Int32Array(count * signatureSize);
  let x = 0x2545f491;
  for (let i = 0; i < table.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    table[i] = (x & (dimensions - 1)) | (x & 0x80000000);
  }
  return table;
}

/** Inverse passage frequencies. */
function inverseFrequencies({ passages, vocabulary }: Corpus): Float32Array {
  const holders = new Uint32Array(vocabulary.length);
  const lastIn = new Int32Array(vocabulary.length).fill(-1);
  for (const [index, { words }] of passages.entries()) {
    for (const word of words) {
      if (lastIn[word] !== index) holders[word]++;
      lastIn[word] = index;
    }
  }
  return Float32Array.from(holders, (count) => Math.log(passages.length / count));
}

/** Scales a vector to length 1; a zero vector stays. */
export function normalise(vector: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  if (sum === 0) return;
  const scale = 1 / Math.sqrt(sum);
  for (let i = 0; i < vector.length; i++) vector[i] *= scale;
}

/** Computes the vectors of all words. */
export function embed(corpus: Corpus): Embedding {
  const weights = inverseFrequencies(corpus);
  const table = signatures(corpus.vocabulary.length);
  const words = new Float32Array(corpus.vocabulary.length * dimensions);
  for (const passage of corpus.passages) {
    const tokens = passage.words;
    for (let i = 0; i < tokens.length; i++) {
      const base = tokens[i] * dimensions;
      const last = Math.min(tokens.length - 1, i + windowWords);
      for (let j = Math.max(0, i - windowWords); j <= last; j++) {
        if (j === i) continue;
        const weight = weights[tokens[j]];
        const signature = tokens[j] * signatureSize;
        for (let k = 0; k < signatureSize; k++) {
          const entry = table[signature + k];
          words[base + (entry & (dimensions - 1))] += entry < 0 ? -weight : weight;
        }
      }
    }
  }
  for (let word = 0; word < corpus.vocabulary.length; word++) {
    normalise(words.subarray(word * dimensions, (word + 1) * dimensions));
  }
  return { weights, words };
}

/** Adds `weight` times `vector` to `sum`. Unrolled: this is where the demo spends its time. */
export function accumulate(sum: Float32Array, vector: Float32Array, weight: number): void {
  for (let i = 0; i < dimensions; i += 4) {
    sum[i] += weight * vector[i];
    sum[i + 1] += weight * vector[i + 1];
    sum[i + 2] += weight * vector[i + 2];
    sum[i + 3] += weight * vector[i + 3];
  }
}

/** Scalar product; the cosine when both are unit vectors. */
export function similarity(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < dimensions; i++) sum += a[i] * b[i];
  return sum;
}
