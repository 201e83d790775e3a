/**
 * Turns the bytes of an access trace into columns of numbers.
 *
 * A trace is text: a header `key_id,size_bytes,op` or `key_id,size_bytes,op,t_UNIT`, then one request a line.
 * Digits are read from the bytes themselves; splitting into strings would be an order of magnitude slower.
 * Memory is constant: one batch, reused, and at most one unfinished line.
 */

import { TierError } from '../errors.ts';

/** Keys, sizes and times are below this; they are exact in a JavaScript number. */
const exclusiveLimit = 2 ** 53;

/** Longer than any valid line, so that a file without line ends cannot fill the memory. */
const longestLineBytes = 256;

const newline = 10;
const carriageReturn = 13;
const comma = 44;
const dot = 46;
const letterR = 114;
const letterW = 119;

const headerPattern = /^(?:\uFEFF)?key_id,size_bytes,op(?:,t_([A-Za-z]+))?\r?$/;

/** Consecutive requests, a column each. The columns are reused: valid until the next batch is asked for. */
export interface TraceBatch {
  /** Rows filled; the columns may be longer. */
  length: number;
  /** Line of row 0 in the file, the header being line 1. */
  firstLine: number;
  /** Integers in [0, 2^53). */
  readonly key: Float64Array;
  /** Integers in [1, 2^53). */
  readonly sizeBytes: Float64Array;
  /** 1 for a write, 0 for a read. */
  readonly write: Uint8Array;
  /** Time in the unit of the header; all 0 in a trace without times. */
  readonly time: Float64Array;
}

function emptyBatch(rows: number): TraceBatch {
  return {
    length: 0,
    firstLine: 2,
    key: new Float64Array(rows),
    sizeBytes: new Float64Array(rows),
    write: new Uint8Array(rows),
    time: new Float64Array(rows),
  };
}

/** A push parser: `feed` a piece, call `next` until it returns `undefined`, and `finish` after the last piece. */
export class TraceParser {
  readonly #name: string;
  readonly #batch: TraceBatch;
  readonly #carry: Buffer = Buffer.alloc(longestLineBytes + 1);
  #carryBytes = 0;
  #input: Uint8Array = new Uint8Array(0);
  /** Next byte of `#input` to read. */
  #position = 0;
  /** End of the last complete line in `#input`. */
  #end = 0;
  /** Line number of the next line. */
  #line = 1;
  #timeUnit: string | undefined;

  /** `name` is what error messages call the trace. */
  constructor(name: string, rowsPerBatch = 8192) {
    this.#name = name;
    this.#batch = emptyBatch(rowsPerBatch);
  }

  /** `us` for a header ending in `t_us`; `undefined` without a time column or before the header. */
  get timeUnit(): string | undefined {
    return this.#timeUnit;
  }

  /** Requests read so far. */
  get requests(): number {
    return Math.max(0, this.#line - 2);
  }

  /** Hands over the next piece. The previous one must have been drained with {@link next}. */
  feed(piece: Uint8Array): void {
    const last = piece.lastIndexOf(newline);
    if (last < 0) {
      this.#keep(piece);
      this.#use(new Uint8Array(0), 0, 0);
      return;
    }
    if (this.#carryBytes === 0) {
      this.#use(piece, 0, last + 1);
    } else {
      const head = piece.subarray(0, piece.indexOf(newline) + 1);
      const joined = Buffer.concat([
        this.#carry.subarray(0, this.#carryBytes),
        head,
        piece.subarray(head.length, last + 1),
      ]);
      this.#carryBytes = 0;
      this.#use(joined, 0, joined.length);
    }
    this.#keep(piece.subarray(last + 1));
  }

  /** The next batch of the piece at hand, or `undefined` when another piece is needed. Throws `ERR_TIER_TRACE`. */
  next(): TraceBatch | undefined {
    if (this.#position >= this.#end) return undefined;
    if (this.#line === 1) this.#readHeader();
    this.#batch.firstLine = this.#line;
    this.#batch.length = this.#parseRows();
    return this.#batch.length > 0 ? this.#batch : undefined;
  }

  /** Takes a last line without a line end. Throws `ERR_TIER_TRACE` when there was no header. */
  finish(): TraceBatch | undefined {
    if (this.#carryBytes > 0) {
      const line = Buffer.concat([this.#carry.subarray(0, this.#carryBytes), Buffer.from('\n')]);
      this.#carryBytes = 0;
      this.#use(line, 0, line.length);
      return this.next();
    }
    if (this.#line === 1) {
      throw new TierError('ERR_TIER_TRACE', `${this.#name} is empty: not even a header.`, {
        hint: 'The first line must be "key_id,size_bytes,op" or "key_id,size_bytes,op,t_UNIT".',
      });
    }
    return undefined;
  }

  #use(input: Uint8Array, position: number, end: number): void {
    this.#input = input;
    this.#position = position;
    this.#end = end;
  }

  #keep(rest: Uint8Array): void {
    if (this.#carryBytes + rest.length > longestLineBytes) {
      this.#fail(this.#unfinishedLine(), `a line of at most ${longestLineBytes} bytes`, rest);
    }
    this.#carry.set(rest, this.#carryBytes);
    this.#carryBytes += rest.length;
  }

  /** Number of the line that ends beyond the piece at hand. */
  #unfinishedLine(): number {
    let line = this.#line;
    for (let i = this.#position; i < this.#end; i++) if (this.#input[i] === newline) line++;
    return line;
  }

  #readHeader(): void {
    const end = this.#input.indexOf(newline, this.#position);
    const text = Buffer.from(this.#input.subarray(this.#position, end)).toString('utf8');
    const match = headerPattern.exec(text);
    if (match === null) {
      this.#fail(
        1,
        'the header "key_id,size_bytes,op" or "key_id,size_bytes,op,t_UNIT"',
        this.#input,
      );
    }
    this.#timeUnit = match[1];
    this.#position = end + 1;
    this.#line = 2;
  }

  /** Fills the batch. Every line before `#end` is complete, so a newline ends each loop over digits. */
  #parseRows(): number {
    const { key, sizeBytes, write, time } = this.#batch;
    const bytes = this.#input;
    const end = this.#end;
    const timed = this.#timeUnit !== undefined;
    let at = this.#position;
    let rows = 0;
    while (at < end && rows < key.length) {
      const lineStart = at;
      let value = 0;
      let digit = bytes[at] - 48;
      while (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digit = bytes[++at] - 48;
      }
      if (at === lineStart || bytes[at] !== comma || !(value < exclusiveLimit))
        this.#failRow(lineStart, rows);
      key[rows] = value;

      const sizeStart = ++at;
      value = 0;
      digit = bytes[at] - 48;
      while (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digit = bytes[++at] - 48;
      }
      if (at === sizeStart || bytes[at] !== comma || value === 0 || !(value < exclusiveLimit)) {
        this.#failRow(lineStart, rows);
      }
      sizeBytes[rows] = value;

      const op = bytes[++at];
      if (op !== letterR && op !== letterW) this.#failRow(lineStart, rows);
      write[rows] = op === letterW ? 1 : 0;
      at++;

      if (timed) {
        if (bytes[at] !== comma) this.#failRow(lineStart, rows);
        const timeStart = ++at;
        value = 0;
        digit = bytes[at] - 48;
        while (digit >= 0 && digit <= 9) {
          value = value * 10 + digit;
          digit = bytes[++at] - 48;
        }
        if (at === timeStart || !(value < exclusiveLimit)) this.#failRow(lineStart, rows);
        if (bytes[at] === dot) {
          let scale = 0.1;
          const fractionStart = ++at;
          digit = bytes[at] - 48;
          while (digit >= 0 && digit <= 9) {
            value += digit * scale;
            scale /= 10;
            digit = bytes[++at] - 48;
          }
          if (at === fractionStart) this.#failRow(lineStart, rows);
        }
        time[rows] = value;
      }

      if (bytes[at] === carriageReturn) at++;
      if (bytes[at] !== newline) this.#failRow(lineStart, rows);
      at++;
      rows++;
    }
    this.#position = at;
    this.#line += rows;
    return rows;
  }

  #failRow(lineStart: number, row: number): never {
    const end = this.#input.indexOf(newline, lineStart);
    const line = this.#input.subarray(lineStart, end);
    this.#fail(this.#line + row, this.#expectation(Buffer.from(line).toString('latin1')), line);
  }

  /** Which field of a line that did not parse is to blame. */
  #expectation(line: string): string {
    const columns = this.#timeUnit === undefined ? 3 : 4;
    const shape =
      columns === 3 ? 'key_id,size_bytes,op' : `key_id,size_bytes,op,t_${this.#timeUnit}`;
    const fields = line.replace(/\r$/, '').split(',');
    if (fields.length !== columns) return `${columns} fields (${shape})`;
    const isCount = (text: string): boolean => /^\d+$/.test(text) && Number(text) < exclusiveLimit;
    if (!isCount(fields[0])) return 'key_id to be an integer from 0 to 2^53-1';
    if (!isCount(fields[1]) || Number(fields[1]) === 0)
      return 'size_bytes to be an integer from 1 to 2^53-1';
    if (fields[2] !== 'r' && fields[2] !== 'w') return 'op to be "r" or "w"';
    return `t_${this.#timeUnit} to be a number from 0 to 2^53-1`;
  }

  #fail(line: number, expected: string, received: Uint8Array): never {
    const text = Buffer.from(received.subarray(0, 60))
      .toString('latin1')
      .split('\n', 1)[0]
      .replace(/[^ -~]/g, '?');
    throw new TierError(
      'ERR_TIER_TRACE',
      `${this.#name}, line ${line}: expected ${expected}, got "${text}".`,
      {
        hint: 'A trace is a header "key_id,size_bytes,op[,t_UNIT]" and one request a line, e.g. "42,4096,r".',
      },
    );
  }
}
