/** Errors that nobody is there to catch. */

/** Counts them and keeps the last. */
export class CaughtErrors {
  #count = 0;
  #last: unknown;

  get count(): number {
    return this.#count;
  }

  get last(): unknown {
    return this.#last;
  }

  /** Notes one; a move that threw did not happen. */
  note(error: unknown): 'refused' {
    this.#count++;
    this.#last = error;
    return 'refused';
  }
}
