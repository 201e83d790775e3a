/**
 * Sweeps of PageRank over the pages of a graph: offsets and neighbours are read in order, a line at a time, and the
 * contribution of every neighbour wherever it is. One in twelve accesses is in the stream, as a processor would
 * sample them.
 */

import type { AccessGenerator, AccessRows } from './access-rows.ts';
import { type Graph, kroneckerGraph } from './kronecker.ts';
import { SplitMix64 } from './split-mix.ts';

/** Accesses of the program that one of the stream stands for. */
export const pageRankWeight = 12;

const lineBytes = 64;
const offsetBytes = 8;
const valueBytes = 4;
const verticesPerLine: number = lineBytes / valueBytes;

/** Settings of {@link PageRank}. */
export interface PageRankSettings {
  readonly seed: number;
  /** Base-two logarithm of the number of vertices. */
  readonly scale: number;
  /** Bytes of a page. */
  readonly sizeBytes: number;
}

/** Pages are numbered through offsets, neighbours, contributions and scores. A step is a line of vertices. */
export class PageRank implements AccessGenerator {
  readonly unitCount: number;
  readonly #graph: Graph;
  readonly #pageBytes: number;
  readonly #random: SplitMix64;
  readonly #neighbourPage: number;
  readonly #contributionPage: number;
  readonly #scorePage: number;
  /** First vertex of the next line. */
  #vertex = 0;
  #gathering = false;
  /** Accesses to leave out before the next one of the stream. */
  #gap = 0;

  constructor({ seed, scale, sizeBytes }: PageRankSettings) {
    this.#graph = kroneckerGraph(scale, seed);
    this.#random = new SplitMix64(0).reset(seed, 1);
    this.#pageBytes = sizeBytes;
    const { vertices, neighbours } = this.#graph;
    this.#neighbourPage = Math.ceil(((vertices + 1) * offsetBytes) / sizeBytes);
    this.#contributionPage =
      this.#neighbourPage + Math.ceil((neighbours.length * valueBytes) / sizeBytes);
    this.#scorePage = this.#contributionPage + Math.ceil((vertices * valueBytes) / sizeBytes);
    this.unitCount = this.#scorePage + Math.ceil((vertices * valueBytes) / sizeBytes);
  }

  sizeOf(_key: number): number {
    return this.#pageBytes;
  }

  step(rows: AccessRows): void {
    const before = rows.length;
    while (rows.length === before) this.#line(rows);
  }

  #line(rows: AccessRows): void {
    const first = this.#vertex;
    if (this.#gathering) this.#gather(first, rows);
    else this.#scatter(first, rows);
    this.#vertex += verticesPerLine;
    if (this.#vertex < this.#graph.vertices) return;
    this.#vertex = 0;
    this.#gathering = !this.#gathering;
  }

  /** contribution = score / degree */
  #scatter(first: number, rows: AccessRows): void {
    this.#touch(this.#scorePage, first * valueBytes, 0, rows);
    this.#readOffsets(first, rows);
    this.#touch(this.#contributionPage, first * valueBytes, 1, rows);
  }

  /** score = sum of the neighbours' contributions */
  #gather(first: number, rows: AccessRows): void {
    const { offsets, neighbours } = this.#graph;
    this.#readOffsets(first, rows);
    const end = offsets[first + verticesPerLine];
    for (let i = offsets[first]; i < end; i++) {
      const newLine = i % (lineBytes / valueBytes) === 0 || i === offsets[first];
      if (newLine) this.#touch(this.#neighbourPage, i * valueBytes, 0, rows);
      this.#touch(this.#contributionPage, neighbours[i] * valueBytes, 0, rows);
    }
    this.#touch(this.#scorePage, first * valueBytes, 1, rows);
  }

  #readOffsets(first: number, rows: AccessRows): void {
    const bytes = first * offsetBytes;
    this.#touch(0, bytes, 0, rows);
    this.#touch(0, bytes + lineBytes, 0, rows);
  }

  #touch(firstPage: number, bytes: number, write: number, rows: AccessRows): void {
    if (this.#gap-- > 0) return;
    // Gaps of random length: a fixed stride would beat with the loops.
    this.#gap = this.#random.next().below(2 * pageRankWeight - 1);
    rows.add(firstPage + Math.floor(bytes / this.#pageBytes), this.#pageBytes, write);
  }
}
