/** Text in columns of fixed width, so that lines can be printed as they come. */

/** Nanoseconds in as many digits as the reference table has. */
export function ns(value) {
  return value >= 100_000 ? `${(value / 1000).toFixed(1)}k` : value.toFixed(2);
}

/** A fraction; `-` when it is not known. */
export function share(value) {
  return value === undefined ? '-' : value.toFixed(3).replace(/^0\./, '.');
}

/** A fraction with its sign. */
export function difference(value) {
  return value === undefined ? '-' : `${value < 0 ? '-' : '+'}${share(Math.abs(value))}`;
}

/** Columns are `[title, width, text(row)]`; a negative width sets to the left. */
export function heading(columns) {
  return line(columns, ([title]) => title);
}

/** One row. */
export function rowLine(columns, row) {
  return line(columns, ([, , text]) => text(row));
}

function line(columns, text) {
  return columns
    .map((column) => {
      const width = column[1];
      return width < 0 ? text(column).padEnd(-width) : text(column).padStart(width);
    })
    .join(' ')
    .trimEnd();
}
