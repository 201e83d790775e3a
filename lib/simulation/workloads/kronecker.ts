/** Graphs with a few vertices of enormous degree, drawn as Graph500 and the GAP benchmark suite draw them. */

import { SplitMix64 } from './split-mix.ts';

const edgesPerVertex = 16;

/** Shares of the quadrants of the adjacency matrix: A, A + B, A + B + C. */
const [a, ab, abc] = [0.57, 0.76, 0.95];

/** An undirected graph: neighbours of vertex v are `neighbours[offsets[v]]` up to `offsets[v + 1]`. */
export interface Graph {
  readonly vertices: number;
  readonly offsets: Uint32Array;
  readonly neighbours: Uint32Array;
}

/** Draws a graph of 2^scale vertices with 16 edges each, both directions stored; vertex numbers are shuffled. */
export function kroneckerGraph(scale: number, seed: number): Graph {
  const vertices = 2 ** scale;
  const random = new SplitMix64(seed);
  const label = shuffled(vertices, random);
  const edges = vertices * edgesPerVertex;
  const from = new Uint32Array(edges);
  const to = new Uint32Array(edges);
  const offsets = new Uint32Array(vertices + 1);
  for (let edge = 0; edge < edges; edge++) {
    let row = 0;
    let column = 0;
    for (let level = 0; level < scale; level++) {
      // Each output decides two levels.
      const half = (level & 1) === 0 ? random.next().upper : random.lower;
      const draw = half * 2 ** -32;
      row = row * 2 + (draw >= ab ? 1 : 0);
      column = column * 2 + (draw >= a && (draw < ab || draw >= abc) ? 1 : 0);
    }
    from[edge] = label[row];
    to[edge] = label[column];
    offsets[from[edge] + 1]++;
    offsets[to[edge] + 1]++;
  }
  for (let vertex = 0; vertex < vertices; vertex++) offsets[vertex + 1] += offsets[vertex];
  const neighbours = new Uint32Array(2 * edges);
  const next = offsets.slice(0, vertices);
  for (let edge = 0; edge < edges; edge++) {
    neighbours[next[from[edge]]++] = to[edge];
    neighbours[next[to[edge]]++] = from[edge];
  }
  return { vertices, offsets, neighbours };
}

function shuffled(count: number, random: SplitMix64): Uint32Array {
  const list = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = random.next().below(i + 1);
    [list[i], list[other]] = [list[other], list[i]];
  }
  return list;
}
