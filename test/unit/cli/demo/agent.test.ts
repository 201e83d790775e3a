import { beforeAll, expect, test } from 'vitest';
import { Agent, passageVector, tellingWords } from '../../../../lib/cli/demo/agent.ts';
import { type Corpus, loadCorpus } from '../../../../lib/cli/demo/corpus.ts';
import {
  dimensions,
  type Embedding,
  embed,
  similarity,
} from '../../../../lib/cli/demo/embedding.ts';

let corpus: Corpus;
let embedding: Embedding;

beforeAll(() => {
  corpus = loadCorpus();
  embedding = embed(corpus);
}, 60_000);

function vector(word: number): Float32Array {
  return embedding.words.subarray(word * dimensions, (word + 1) * dimensions);
}

function closeness(a: string, b: string): number {
  const [first, second] = [a, b].map((word) => vector(corpus.vocabulary.indexOf(word)));
  return similarity(first, second);
}

test('words that are used alike have closer vectors than words that are not', () => {
  expect(closeness('cotton', 'silk')).toBeGreaterThan(closeness('cotton', 'soviet') + 0.1);
  expect(closeness('iraq', 'afghanistan')).toBeGreaterThan(closeness('iraq', 'cotton') + 0.1);
  expect(closeness('bank', 'bank')).toBeCloseTo(1, 5);
});

test('words that are everywhere tell nothing', () => {
  const telling = new Set(corpus.passages.flatMap((passage) => tellingWords(passage, embedding)));
  for (const word of ['the', 'of', 'and']) {
    expect(telling.has(corpus.vocabulary.indexOf(word))).toBe(false);
  }
  expect(telling.has(corpus.vocabulary.indexOf('cotton'))).toBe(true);
});

test('the agent recalls earlier passages only, the closest of those it looked at, the same ones each time', () => {
  const index = corpus.passages.findIndex(({ year }) => year === 1962);
  const compared = new Map<number, number>();
  const texts: number[] = [];
  const query = passageVector(corpus.passages[index], embedding, vector);
  const agent = new Agent(corpus, embedding, {
    wordVector: vector,
    passageVector: (passage) => {
      const found = passageVector(corpus.passages[passage], embedding, vector);
      compared.set(passage, similarity(query, found));
      return found;
    },
    passageText: (passage) => {
      texts.push(passage);
      return corpus.passages[passage].text;
    },
  });
  const recalled = agent.read(index);
  expect(recalled).toHaveLength(3);
  expect(texts).toEqual(recalled);
  expect(Math.max(...compared.keys())).toBeLessThan(index);
  const best = [...compared].sort((a, b) => b[1] - a[1]).slice(0, 3);
  expect(recalled).toEqual(best.map(([passage]) => passage));
  expect(agent.read(index)).toEqual(recalled);
});
