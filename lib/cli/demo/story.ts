/**
 * The demo's story: store, read, optimise, read on. Tells it as it goes and returns the figures.
 */

import type { TieredMemory } from '../../tiered-memory.ts';
import { formatBytes } from '../../tiers/byte-size.ts';
import type { Tier } from '../../tiers/tier.ts';
import type { Paint } from '../command-io.ts';
import { formatCount, formatNs } from '../format.ts';
import type { Progress } from '../progress.ts';
import { Agent } from './agent.ts';
import { type Corpus, corpusPackage } from './corpus.ts';
import { dimensions, type Embedding } from './embedding.ts';
import { type Chapter, Library } from './library.ts';
import { groupMoves } from './moves.ts';
import { drawPlacement, libraryPanels } from './picture.ts';
import {
  allIn,
  asHeld,
  type ChapterReport,
  chapterReport,
  type DemoReport,
  type DemoTier,
  holdings,
} from './report.ts';
import { alternativeLines, chapterLines, moveLines, tierLines } from './text.ts';

/** The years the agent reads; everything else is only remembered. */
const chapters = [
  { from: 1961, to: 1990 },
  { from: 1991, to: 2021 },
] as const;

/** The timer of a program's background migration, in passages instead of milliseconds. */
const passagesPerTurn = 64;

/** Prints text, or nothing with `--json`. */
export type Say = (...lines: readonly string[]) => void;

function demoTier({ name, kind, capacityBytes, spec, evidence }: Tier): DemoTier {
  return {
    name,
    kind,
    capacityBytes,
    readLatencyNs: spec.readLatencyNs.value,
    readBytesPerSecond: spec.readBytesPerSecond.value,
    costPerGiBMonth: spec.costPerGiBMonth.value,
    evidence,
  };
}

/** One demo on one open memory. */
export class Story {
  readonly #memory: TieredMemory;
  readonly #corpus: Corpus;
  readonly #library: Library;
  readonly #agent: Agent;
  readonly #progress: Progress;
  readonly #paint: Paint;
  readonly #say: Say;
  readonly #tiers: readonly DemoTier[];

  constructor(
    memory: TieredMemory,
    corpus: Corpus,
    embedding: Embedding,
    output: { readonly progress: Progress; readonly paint: Paint; readonly say: Say },
  ) {
    this.#memory = memory;
    this.#corpus = corpus;
    this.#library = new Library(memory, corpus, embedding);
    this.#agent = new Agent(corpus, embedding, this.#library);
    this.#progress = output.progress;
    this.#paint = output.paint;
    this.#say = output.say;
    this.#tiers = memory.tiers.map(demoTier);
  }

  async run(policy: string, beginMs: number): Promise<DemoReport> {
    this.#tellTiers();
    const data = this.#store();
    const placedFirst = this.#library.placement();
    const heldBefore = this.#held(placedFirst);
    const [first, second] = chapters;
    const { report: before } = await this.#readChapter(first, false);
    this.#say(
      '',
      this.#heading(
        `The agent reads the addresses of ${before.years}; the data lies as it arrived`,
      ),
      ...chapterLines(this.#tiers, heldBefore, before, this.#paint),
    );
    const readsBefore = this.#library.reads.slice();
    this.#picture(placedFirst, readsBefore);

    const optimization = await this.#optimize(placedFirst, readsBefore);
    const placedLast = this.#library.placement();
    const heldAfter = this.#held(placedLast);
    this.#picture(placedLast, readsBefore);

    const { report: after, chapter } = await this.#readChapter(second, true);
    const heldLast = this.#held(this.#library.placement());
    this.#say(
      '',
      this.#heading(
        `The agent reads on, ${after.years}, while the engine goes on moving data behind it`,
      ),
      ...chapterLines(this.#tiers, heldLast, after, this.#paint),
      `Meanwhile ${formatCount(after.moved)} more objects moved, ${formatBytes(after.bytesMoved)}.`,
    );
    const { tiers } = this.#memory;
    const alternatives = [
      ...tiers
        .filter(({ name }) => name === 'L0_HBM' || name === 'L1_DDR')
        .map((tier) => allIn(tier, chapter.served, data.bytes)),
      asHeld('as it arrived, never moved', tiers, heldBefore, chapter.unmoved),
      asHeld('moved by its heat', tiers, heldLast, chapter.served),
    ];
    const corruptObjects = this.#library.verifyAll();
    this.#progress.clear();
    const report: DemoReport = {
      policy,
      tiers: this.#tiers,
      limits: this.#memory.limits,
      data,
      before,
      heldBefore,
      optimization,
      heldAfter,
      after,
      heldLast,
      alternatives,
      corruptReads: this.#library.corruptReads,
      corruptObjects,
      seconds: (performance.now() - beginMs) / 1000,
    };
    this.#summary(report);
    return report;
  }

  #heading(text: string): string {
    return this.#paint.bold(text);
  }

  #tellTiers(): void {
    const simulated = this.#tiers.filter(({ kind }) => kind === 'simulated');
    this.#say(
      this.#heading('The tiers'),
      ...tierLines(this.#tiers, this.#paint),
      ...this.#tiers
        .filter(({ kind }) => kind === 'real')
        .map(({ name, evidence }) => `${name} is real: ${evidence[0] ?? ''}`),
    );
    if (simulated.length > 0) {
      this.#say(
        `This machine has no ${simulated.map(({ name }) => name).join(', ')} to use: ordinary memory stands in ` +
          'for it,',
        'with the same code path. Budgets are small on purpose. Cost is relative to DDR (1×).',
      );
    }
    this.#say(
      'Every access time below is MODELLED from these figures (latency + bytes / bandwidth), not measured.',
    );
  }

  #store(): DemoReport['data'] {
    const { vocabulary, passages, addresses } = this.#corpus;
    this.#library.storeAll((share) =>
      this.#progress.update(() => `storing: ${(share * 100).toFixed(0)} %`),
    );
    this.#progress.clear();
    const objects = vocabulary.length + 2 * passages.length;
    let bytes = 0;
    for (let object = 0; object < objects; object++) bytes += this.#library.byteLength(object);
    const source = `${corpusPackage}: ${addresses} State of the Union addresses`;
    this.#say(
      '',
      this.#heading('The data'),
      `${formatCount(addresses)} State of the Union addresses, ${passages[0].year} to ` +
        `${passages[passages.length - 1].year} (npm package ${corpusPackage}, public domain):`,
      `${formatCount(passages.length)} passages of text, a vector for each, and a vector for each of ` +
        `${formatCount(vocabulary.length)} words:`,
      `${formatCount(objects)} objects, ${formatBytes(bytes)}, stored as they come up in the text. The vectors ` +
        `(${dimensions} × float32) are computed`,
      'from the text itself by random indexing, not by a neural network.',
    );
    return {
      source,
      documents: addresses,
      passages: passages.length,
      words: vocabulary.length,
      objects,
      bytes,
    };
  }

  #held(placement: Uint8Array): ReturnType<typeof holdings> {
    return holdings(this.#memory.tiers, placement, (object) => this.#library.byteLength(object));
  }

  /** `migrating`: the engine takes a turn now and then, as it does in the background of a program. */
  async #readChapter(
    { from, to }: (typeof chapters)[number],
    migrating: boolean,
  ): Promise<{ readonly report: ChapterReport; readonly chapter: Chapter }> {
    const begin = performance.now();
    const years = `${from}-${to}`;
    const sums = { passagesRead: 0, moved: 0, bytesMoved: 0, moveSeconds: 0 };
    for (const [index, { year }] of this.#corpus.passages.entries()) {
      if (year < from || year > to) continue;
      this.#agent.read(index);
      sums.passagesRead++;
      if (migrating && sums.passagesRead % passagesPerTurn === 0) {
        const { outcomes, bytesMoved, costNs } = await this.#memory.engine.step();
        sums.moved += outcomes.moved;
        sums.bytesMoved += bytesMoved;
        sums.moveSeconds += costNs / 1e9;
      }
      this.#progress.update(() => `reading ${years}: ${year}`);
    }
    this.#progress.clear();
    const seconds = (performance.now() - begin) / 1000;
    const chapter = this.#library.endChapter();
    return { report: chapterReport(chapter.served, { years, seconds, ...sums }), chapter };
  }

  #picture(placement: Uint8Array, reads: Uint32Array): void {
    this.#say(
      '',
      ...drawPlacement(
        libraryPanels(this.#corpus, reads),
        this.#tiers.map(({ name }) => name),
        placement,
        (object) => this.#library.byteLength(object),
        this.#paint,
      ),
    );
  }

  async #optimize(before: Uint8Array, reads: Uint32Array): Promise<DemoReport['optimization']> {
    const begin = performance.now();
    const report = await this.#memory.optimizePlacement();
    const seconds = (performance.now() - begin) / 1000;
    const groups = groupMoves(
      report,
      this.#tiers.map(({ name }) => name),
      { keys: this.#library.keys, before, after: this.#library.placement(), reads },
    );
    this.#say(
      '',
      this.#heading('memory.optimizePlacement()'),
      `moved ${formatCount(report.outcomes.moved)} objects, ${formatBytes(report.bytesMoved)}, in ` +
        `${formatNs(seconds * 1e9)}:`,
      ...moveLines(groups, this.#paint),
    );
    return {
      moved: report.outcomes.moved,
      bytesMoved: report.bytesMoved,
      seconds,
      modelledSeconds: report.costNs / 1e9,
      groups,
      refused: report.refused,
    };
  }

  #summary(report: DemoReport): void {
    const paint = this.#paint;
    const [unmoved, moved] = report.alternatives.slice(-2);
    const moves = report.optimization.modelledSeconds + report.after.moveSeconds;
    const faster = unmoved.modelledSeconds / moved.modelledSeconds;
    const net = unmoved.modelledSeconds / (moved.modelledSeconds + moves);
    const intact = report.corruptReads === 0 && report.corruptObjects === 0;
    this.#say(
      '',
      this.#heading(
        `What it comes to: the ${formatCount(report.after.accesses)} accesses of the second part`,
      ),
      ...alternativeLines(report.alternatives),
      '',
      `Moving the data by its heat makes these accesses ${paint.bold(`${faster.toFixed(1)} times`)} as fast (modelled), ` +
        `${net.toFixed(1)} times with the`,
      `${formatNs(moves * 1e9)} that the policy reckons for all the moves themselves.`,
      intact
        ? paint.green(
            `Every byte read was the byte stored; all ${formatCount(report.data.objects)} objects verified at the end.`,
          )
        : paint.red(
            `${report.corruptReads} corrupt reads, ${report.corruptObjects} corrupt objects!`,
          ),
      `${report.seconds.toFixed(1)} s in all. "memory-tiers topology" shows what this machine has; ` +
        '"memory-tiers replay" plays your own trace.',
    );
  }
}
