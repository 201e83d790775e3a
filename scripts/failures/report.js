// The last words about a run: failures of several parts in a limited number of lines.

/** Lines in all. More is not read at the end of a log. */
const budget = 60;
/** An empty line and the name of the part. */
const headLines = 2;
/** Lines about one failure, beside its name. */
const linesEach = 8;
/** Of a log in which no failure was recognised, its end. */
const linesOfLog = 40;

/**
 * `parts` each have a name (`part`), `failures` (each a `title` and `lines` about it), and the `log` they were found
 * in. A part in whose log nothing was found is shown by the end of that log. Paths lose the folder `root`.
 */
export function report(parts, root) {
  const wanted = parts.map(({ failures, log }) =>
    failures.length > 0 ? few(failures, budget) : end(log),
  );
  const rooms = shares(
    wanted.map((lines) => lines.length),
    budget - headLines * parts.length,
  );
  return parts
    .flatMap(({ part, failures }, i) => [
      '',
      `${part}:`,
      ...(failures.length > 0 ? few(failures, rooms[i]) : wanted[i].slice(-rooms[i])),
    ])
    .map((line) => line.replaceAll(`${root}/`, '').slice(0, 200).trimEnd());
}

/** Room for each, equal but that what one does not need is the others'. */
function shares(needs, room) {
  const shares = needs.map(() => 0);
  const rising = needs.map((need, i) => ({ need, i })).sort((a, b) => a.need - b.need);
  let left = room;
  rising.forEach(({ need, i }, index) => {
    shares[i] = Math.min(need, Math.floor(left / (rising.length - index)));
    left -= shares[i];
  });
  return shares;
}

/** The names of all failures, or of those that fit and how many more there are; and lines about the first ones. */
function few(failures, room) {
  const all = failures.length <= room;
  // Of many failures at once, the reason of the first ones says more than more names.
  const named = all ? failures : failures.slice(0, Math.max(0, room - 1 - Math.floor(room / 3)));
  let spare = room - named.length - (all ? 0 : 1);
  const out = named.flatMap(({ title, lines }) => {
    const shown = lines.slice(0, Math.min(linesEach, spare));
    spare -= shown.length;
    return [`  ${title}`, ...shown.map((line) => `    ${line}`)];
  });
  return all ? out : [...out, `  and ${failures.length - named.length} more`];
}

function end(log) {
  return plain(log)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-linesOfLog)
    .map((line) => `  ${line}`);
}

/** A text without the escapes that colour it. */
export function plain(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they begin with
  return text.replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, '');
}
