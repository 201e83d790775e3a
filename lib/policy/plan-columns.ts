/**
 * Columns that a plan works with and throws away, kept for the next one: where there is a plan every few accesses, making
 * and collecting them would be a good part of it. What is in them when they are taken is left over from somebody else.
 */

/** Larger ones are not kept: memory that nobody uses between two plans. */
const maxKeptRows = 65_536;
const minRows = 256;

/** A value a row each; the columns may be longer than the snapshot. */
export class PlanColumns {
  readonly rows: number;
  readonly useClass: Uint16Array;
  readonly age: Uint8Array;
  readonly taken: Uint8Array;
  readonly worth: Float64Array;
  readonly score: Float64Array;
  readonly candidates: Uint32Array;
  readonly victims: Uint32Array;

  constructor(rows: number) {
    this.rows = rows;
    this.useClass = new Uint16Array(rows);
    this.age = new Uint8Array(rows);
    this.taken = new Uint8Array(rows);
    this.worth = new Float64Array(rows);
    this.score = new Float64Array(rows);
    this.candidates = new Uint32Array(rows);
    this.victims = new Uint32Array(rows);
  }
}

let spare: PlanColumns | undefined;

/** Columns of at least `rows` rows that nobody else has until they are given back. */
export function takeColumns(rows: number): PlanColumns {
  const found = spare;
  spare = undefined;
  if (found !== undefined && found.rows >= rows) return found;
  return new PlanColumns(Math.max(minRows, rows));
}

/** The plan is made, and refers to them no longer. */
export function giveBackColumns(columns: PlanColumns): void {
  if (columns.rows <= maxKeptRows) spare = columns;
}
