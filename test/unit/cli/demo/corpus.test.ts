import { describe, expect, test } from 'vitest';
import { cutIntoPassages, loadCorpus } from '../../../../lib/cli/demo/corpus.ts';

describe('a text', () => {
  const sentence = (words: number): string => `W${' w'.repeat(words - 1)}.`;

  test('is cut at sentence ends once a passage has 80 words', () => {
    const text = [sentence(50), sentence(50), sentence(90), sentence(3)].join(' ');
    expect(cutIntoPassages(text)).toEqual([
      `${sentence(50)} ${sentence(50)}`,
      sentence(90),
      sentence(3),
    ]);
  });

  test('is not cut after abbreviations before small letters, nor lost', () => {
    const text = `The U.S. economy grew by 3.5 percent. ${sentence(90)} "Good." he said.`;
    expect(cutIntoPassages(text).join(' ')).toBe(text);
  });
});

describe('the corpus', () => {
  test('is complete: every word of every passage is in the vocabulary, new ones in order', () => {
    const { passages, vocabulary, addresses, tokens } = loadCorpus();
    expect(addresses).toBeGreaterThan(200);
    expect(new Set(vocabulary).size).toBe(vocabulary.length);
    expect(new Set(passages.map(({ id }) => id)).size).toBe(passages.length);
    let known = 0;
    let words = 0;
    for (const passage of passages) {
      for (const word of passage.words) {
        if (word >= known) expect(word).toBe(known++);
      }
      words += passage.words.length;
    }
    expect(known).toBe(vocabulary.length);
    expect(words).toBe(tokens);
  });

  test('that is not installed says what to install', () => {
    expect(() => loadCorpus('@stdlib/absent')).toThrow(
      expect.objectContaining({
        code: 'ERR_TIER_UNAVAILABLE',
        hint: 'Run "npm install --save-dev @stdlib/absent" and try again.',
      }),
    );
  });
});
