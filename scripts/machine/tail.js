import { closeSync, existsSync, openSync, readSync } from 'node:fs';

const everyMs = 100;

/** Copies a file to a stream while it grows. */
export class Tail {
  #path;
  #stream;
  #position = 0;
  #timer;

  constructor(path, stream) {
    this.#path = path;
    this.#stream = stream;
    this.#timer = setInterval(() => this.#copy(), everyMs);
  }

  /** Copies the rest and stops. */
  end() {
    clearInterval(this.#timer);
    this.#copy();
  }

  #copy() {
    if (!existsSync(this.#path)) return;
    const file = openSync(this.#path, 'r');
    try {
      const buffer = Buffer.alloc(1 << 16);
      for (;;) {
        const bytes = readSync(file, buffer, 0, buffer.length, this.#position);
        if (bytes === 0) return;
        this.#position += bytes;
        this.#stream.write(Buffer.from(buffer.subarray(0, bytes)));
      }
    } finally {
      closeSync(file);
    }
  }
}
