/** What either of two machines does to a device that both have: each function runs in one of them. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PersistentRegion } from '../../../dist/index.js';
import { chunkBytes } from '../../../dist/native.js';
import { commonFolder } from './common-folder.ts';
import { machine } from './machine.ts';
import { MiB, pattern } from './memory.ts';

/** A device by what it is in both machines; the name of its file differs. */
export type Device = 'nvdimm' | 'cxl';

/** What is where, in chunks: a pattern of each machine, the record of {@link tick}, the words of the two counts. */
const places = { first: 0, second: 1, record: 2, count: 3 } as const;
const chunks = 4;
const patternBytes = MiB;
const recordWords = 64;

const views = new Map<Device, Int32Array>();

const pathOf = (device: Device): string =>
  device === 'nvdimm' ? machine.pmemDevdax : machine.cxlDevdax;

/** A chunk of the device, mapped for as long as the process lives. */
function chunk(device: Device, place: keyof typeof places): Int32Array {
  let view = views.get(device);
  if (view === undefined) {
    const length = (chunks * chunkBytes) / Int32Array.BYTES_PER_ELEMENT;
    view = PersistentRegion.open(Int32Array, { path: pathOf(device), length }).view;
    views.set(device, view);
  }
  const length = chunkBytes / Int32Array.BYTES_PER_ELEMENT;
  return view.subarray(places[place] * length, (places[place] + 1) * length);
}

function words(seed: number): Int32Array {
  const { buffer, byteOffset } = pattern(seed, patternBytes);
  return new Int32Array(buffer, byteOffset, patternBytes / 4);
}

/** Writes the pattern of a seed. */
export function fill(device: Device, place: 'first' | 'second', seed: number): void {
  chunk(device, place).set(words(seed));
}

/** How many words are not those of the pattern. */
export function wrongWords(device: Device, place: 'first' | 'second', seed: number): number {
  const there = chunk(device, place);
  return words(seed).reduce((wrong, word, i) => wrong + Number(word !== there[i]), 0);
}

/**
 * Writes a record over and over and never returns: its sequence number becomes odd, its words become that number, the
 * number becomes even.
 */
export function tick(device: Device): never {
  const [sequence, record] = recordOf(device);
  for (;;) {
    const odd = Atomics.load(sequence, 0) | 1;
    Atomics.store(sequence, 0, odd);
    for (let i = 0; i < recordWords; i++) record[i] = odd;
    Atomics.store(sequence, 0, odd + 1);
  }
}

function recordOf(device: Device): [sequence: Int32Array, words: Int32Array] {
  const place = chunk(device, 'record');
  return [place.subarray(0, 1), place.subarray(16, 16 + recordWords)];
}

/** The record as it is. */
export function record(device: Device): { sequence: number; words: number[] } {
  const [sequence, words] = recordOf(device);
  return { sequence: Atomics.load(sequence, 0), words: [...words] };
}

/** Sets sequence and words of the record, and the words of the counts, to 0. */
export function clear(device: Device): void {
  chunk(device, 'record').fill(0, 0, 1024);
  chunk(device, 'count').fill(0, 0, 1024);
}

/** Where the counts are: a word and the arrivals of each, in elements of the chunk. */
const jsCount = { word: 256, arrived: 272 };

/** What the two counts have come to. */
export function counts(device: Device): { native: number; js: number } {
  const place = chunk(device, 'count');
  return { native: Atomics.load(place, 0), js: Atomics.load(place, jsCount.word) };
}

/** Adds `adds` ones to a word with Atomics, once `parties` machines have arrived. */
export function addInJs(device: Device, adds: number, parties: number): void {
  const place = chunk(device, 'count');
  Atomics.add(place, jsCount.arrived, 1);
  while (Atomics.load(place, jsCount.arrived) < parties);
  for (let i = 0; i < adds; i++) Atomics.add(place, jsCount.word, 1);
}

const run = promisify(execFile);
const adder = (): string => join(commonFolder(), 'add-together');

/** Compiles what {@link addNatively} runs, in one machine for both: the compiler takes 10 s in there. */
export async function compileAdder(): Promise<void> {
  const source = join(import.meta.dirname, '../../../test/vm/support/add-together.c');
  await run('cc', ['-O2', '-Wall', '-Werror', '-pthread', '-o', adder(), source]);
}

/**
 * Adds `adds` ones from each of `threads` native threads, once `parties` threads have arrived. Resolves to how many
 * additions of others a thread saw between its own.
 */
export async function addNatively(
  device: Device,
  threads: number,
  adds: number,
  parties: number,
): Promise<number> {
  const offset = places.count * chunkBytes;
  const args = [pathOf(device), offset, threads, adds, parties].map(String);
  const { stdout } = await run(adder(), args);
  return Number(stdout);
}
