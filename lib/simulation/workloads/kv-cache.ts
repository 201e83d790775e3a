/**
 * The key-value cache of a language model that serves conversations: a turn reads the blocks of everything said so
 * far, in order, and appends its own. Conversations start at random (Poisson) and share a few system prompts.
 */

import type { AccessGenerator, AccessRows } from './access-rows.ts';
import { SplitMix64 } from './split-mix.ts';
import { TurnQueue } from './turn-queue.ts';

/** Settings of {@link KvCache}. */
export interface KvCacheSettings {
  readonly seed: number;
  /** Conversations that start in a second. */
  readonly sessionsPerSecond: number;
  /** Tokens in a block. */
  readonly blockTokens: number;
  /** Bytes of a block. */
  readonly sizeBytes: number;
}

const promptCount = 10;
const fewestTokens = 500;
const mostTokens = 4000;
const mostTurns = 20;
const medianThinkSeconds = 30;
/** Popularity of the system prompts: Zipf with exponent 1. */
const promptShares: readonly number[] = Array.from({ length: promptCount }, (_, i) => 1 / (i + 1));

interface Session {
  /** Key of its first own block; the others follow. */
  firstKey: number;
  prompt: number;
  tokens: number;
  turnsLeft: number;
}

/** Conversations of 1 to 20 turns with 500 to 4000 tokens each, and half a minute to think in between. */
export class KvCache implements AccessGenerator {
  readonly unitCount: number;
  readonly #settings: KvCacheSettings;
  readonly #random: SplitMix64;
  /** First block of each system prompt, and the end of the last. */
  readonly #promptKeys: number[] = [0];
  readonly #turns: TurnQueue = new TurnQueue();
  readonly #sessions: Session[] = [];
  readonly #free: number[] = [];
  readonly #keysPerSession: number;
  #nextKey: number;
  #nextArrival = 0;

  constructor(settings: KvCacheSettings) {
    this.#settings = settings;
    this.#random = new SplitMix64(settings.seed);
    for (let i = 0; i < promptCount; i++) {
      this.#promptKeys.push(this.#promptKeys[i] + this.#blocks(this.#tokens()));
    }
    this.unitCount = this.#promptKeys[promptCount];
    this.#keysPerSession = this.#blocks(mostTurns * mostTokens);
    this.#nextKey = this.unitCount;
    this.#scheduleArrival();
  }

  sizeOf(_key: number): number {
    return this.#settings.sizeBytes;
  }

  step(rows: AccessRows): void {
    if (this.#turns.length > 0 && this.#turns.nextTime <= this.#nextArrival) {
      const now = this.#turns.nextTime;
      this.#turn(this.#turns.take(), now, rows);
      return;
    }
    const now = this.#nextArrival;
    this.#scheduleArrival();
    this.#turn(this.#start(), now, rows);
  }

  #start(): number {
    const slot = this.#free.pop() ?? this.#sessions.length;
    this.#sessions[slot] = {
      firstKey: this.#nextKey,
      prompt: this.#prompt(),
      tokens: 0,
      turnsLeft: 1 + this.#random.next().below(mostTurns),
    };
    this.#nextKey += this.#keysPerSession;
    return slot;
  }

  #turn(slot: number, now: number, rows: AccessRows): void {
    const session = this.#sessions[slot];
    const { sizeBytes, blockTokens } = this.#settings;
    const end = this.#promptKeys[session.prompt + 1];
    for (let key = this.#promptKeys[session.prompt]; key < end; key++) rows.add(key, sizeBytes, 0);
    const said = this.#blocks(session.tokens);
    for (let i = 0; i < said; i++) rows.add(session.firstKey + i, sizeBytes, 0);
    // A block that was not full is written again with what is added to it.
    const from = Math.floor(session.tokens / blockTokens);
    session.tokens += this.#tokens();
    const to = this.#blocks(session.tokens);
    for (let i = from; i < to; i++) rows.add(session.firstKey + i, sizeBytes, 1);
    if (--session.turnsLeft === 0) this.#free.push(slot);
    else this.#turns.add(now + this.#thinkSeconds(), slot);
  }

  #blocks(tokens: number): number {
    return Math.ceil(tokens / this.#settings.blockTokens);
  }

  #tokens(): number {
    return fewestTokens + this.#random.next().below(mostTokens - fewestTokens + 1);
  }

  #prompt(): number {
    const total = promptShares.reduce((sum, share) => sum + share, 0);
    let left = this.#random.next().unit() * total;
    for (let i = 0; i < promptCount - 1; i++) {
      left -= promptShares[i];
      if (left < 0) return i;
    }
    return promptCount - 1;
  }

  #scheduleArrival(): void {
    const unit = this.#random.next().unit();
    this.#nextArrival += -Math.log(1 - unit) / this.#settings.sessionsPerSecond;
  }

  /** Lognormal with sigma 1. */
  #thinkSeconds(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random.next().unit()));
    const normal = radius * Math.cos(2 * Math.PI * this.#random.next().unit());
    return medianThinkSeconds * Math.exp(normal);
  }
}
