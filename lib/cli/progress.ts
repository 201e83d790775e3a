/**
 * One line on standard error that says how far a long command is. It appears after a second, only on a
 * terminal, is rewritten in place and leaves nothing behind.
 */

import type { TextSink } from './command-io.ts';

const firstAfterMs = 1000;
const everyMs = 100;

/** The line. `update` is cheap enough to be called every few hundred microseconds. */
export class Progress {
  readonly #sink: TextSink;
  readonly #now: () => number;
  #due: number;
  #shown = false;

  /** `now` returns milliseconds and is replaceable for tests. */
  constructor(sink: TextSink, now: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#now = now;
    this.#due = sink.isTTY === true ? now() + firstAfterMs : Number.POSITIVE_INFINITY;
  }

  /** Shows what `text` returns, if it is time to; otherwise `text` is not called. */
  update(text: () => string): void {
    const now = this.#now();
    if (now < this.#due) return;
    this.#due = now + everyMs;
    this.#shown = true;
    const width = Math.max(20, (this.#sink.columns || 80) - 1);
    this.#sink.write(`\r${text().slice(0, width)}\x1b[K`);
  }

  /** Removes the line. It comes back with the next `update` that is due. */
  clear(): void {
    if (this.#shown) this.#sink.write('\r\x1b[K');
    this.#shown = false;
  }
}
