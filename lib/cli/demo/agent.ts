/**
 * The user of the demo's memory: an agent that reads addresses passage by passage and recalls what was said
 * before. For each passage it looks up the vector of each telling word, compares the sum with the vectors of
 * candidate passages, and reads the texts of the closest ones. Which objects that touches, and how often,
 * is decided by the text alone.
 */

import type { Corpus, Passage } from './corpus.ts';
import { accumulate, dimensions, type Embedding, normalise, similarity } from './embedding.ts';

/** What the agent needs of a memory. Each call is one access. */
export interface AgentMemory {
  wordVector(word: number): Float32Array;
  passageVector(passage: number): Float32Array;
  passageText(passage: number): string;
}

/** Words in more than a third of the passages tell nothing about one. */
const tellingWeight = Math.log(3);
/** The rarest words of a passage, which its candidates share. */
const queryWords = 8;
/** Words in more passages than this would make everything a candidate. */
const maxHolders = 2000;
const maxCandidates = 16;
const recalled = 3;

/** Distinct telling words of a passage. */
export function tellingWords({ words }: Passage, { weights }: Embedding): number[] {
  return [...new Set(words)].filter((word) => weights[word] > tellingWeight);
}

/** The vector of a passage: the weighted sum of its words' vectors, as a unit vector. */
export function passageVector(
  passage: Passage,
  embedding: Embedding,
  vectorOf: (word: number) => Float32Array,
): Float32Array {
  const sum = new Float32Array(dimensions);
  for (const word of tellingWords(passage, embedding)) {
    accumulate(sum, vectorOf(word), embedding.weights[word]);
  }
  normalise(sum);
  return sum;
}

/** Which passages hold each word, as lists in one array. */
class Postings {
  readonly #starts: Uint32Array;
  readonly #passages: Uint32Array;

  constructor({ passages, vocabulary }: Corpus) {
    const sets = passages.map(({ words }) => new Set(words));
    this.#starts = new Uint32Array(vocabulary.length + 1);
    for (const set of sets) for (const word of set) this.#starts[word + 1]++;
    for (let word = 0; word < vocabulary.length; word++) {
      this.#starts[word + 1] += this.#starts[word];
    }
    this.#passages = new Uint32Array(this.#starts[vocabulary.length]);
    const next = this.#starts.slice();
    for (const [passage, set] of sets.entries()) {
      for (const word of set) this.#passages[next[word]++] = passage;
    }
  }

  of(word: number): Uint32Array {
    return this.#passages.subarray(this.#starts[word], this.#starts[word + 1]);
  }
}

/** The agent. Deterministic. */
export class Agent {
  readonly #corpus: Corpus;
  readonly #embedding: Embedding;
  readonly #memory: AgentMemory;
  readonly #postings: Postings;

  constructor(corpus: Corpus, embedding: Embedding, memory: AgentMemory) {
    this.#corpus = corpus;
    this.#embedding = embedding;
    this.#memory = memory;
    this.#postings = new Postings(corpus);
  }

  /** Reads one passage and returns the earlier ones it recalled, closest first. */
  read(index: number): number[] {
    const memory = this.#memory;
    const passage = this.#corpus.passages[index];
    const query = passageVector(passage, this.#embedding, (word) => memory.wordVector(word));
    const found = this.#candidates(index)
      .map((candidate) => ({
        candidate,
        score: similarity(query, memory.passageVector(candidate)),
      }))
      .sort((a, b) => b.score - a.score)
      .slice(0, recalled)
      .map(({ candidate }) => candidate);
    for (const candidate of found) memory.passageText(candidate);
    return found;
  }

  /** Earlier passages that share the most, and the rarest, words. */
  #candidates(index: number): number[] {
    const { weights } = this.#embedding;
    const words = tellingWords(this.#corpus.passages[index], this.#embedding)
      .filter((word) => this.#postings.of(word).length <= maxHolders)
      .sort((a, b) => weights[b] - weights[a] || a - b)
      .slice(0, queryWords);
    const scores = new Map<number, number>();
    for (const word of words) {
      for (const holder of this.#postings.of(word)) {
        if (holder >= index) break;
        scores.set(holder, (scores.get(holder) ?? 0) + weights[word]);
      }
    }
    return [...scores]
      .sort((a, b) => b[1] - a[1] || a[0] - b[0])
      .slice(0, maxCandidates)
      .map(([candidate]) => candidate);
  }
}
