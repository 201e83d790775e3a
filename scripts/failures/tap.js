// Failures in a TAP report of node:test.

/** Each: `title`, the names from the outermost one on, and the `lines` of its message. Suites that have them are none. */
export function tapFailures(tap) {
  const failures = [];
  /** Names of what is being reported, by depth. */
  const names = [];
  const lines = tap.split('\n');
  for (const [index, line] of lines.entries()) {
    const begin = /^( *)# Subtest: (.*)$/.exec(line);
    if (begin !== null) {
      names.length = begin[1].length / 4;
      names.push(begin[2]);
    }
    const end = /^( *)not ok \d+ - /.exec(line);
    if (end === null || / # TODO\b/.test(line)) continue;
    const depth = end[1].length / 4;
    const details = detailsAt(lines, index + 1);
    if (/^ *failureType: 'subtestsFailed'$/m.test(details.join('\n'))) continue;
    failures.push({ title: names.slice(0, depth + 1).join(' > '), lines: messageIn(details) });
  }
  return failures;
}

/** The block of YAML that follows a result. */
function detailsAt(lines, index) {
  if (!/^ *---$/.test(lines[index] ?? '')) return [];
  const end = lines.findIndex((line, i) => i > index && /^ *\.\.\.$/.test(line));
  return lines.slice(index + 1, end < 0 ? undefined : end);
}

/** The error, and the first line of its stack that is not node's. */
function messageIn(details) {
  const block = (name) => {
    const at = details.findIndex((line) => line.trimStart().startsWith(`${name}: `));
    if (at < 0) return [];
    const [, indent, value] = /^( *)\w+: (.*)$/.exec(details[at]);
    if (!/^[|>]/.test(value)) return [value.replaceAll(/^'|'$/g, '')];
    const inside = details.slice(at + 1);
    const end = inside.findIndex((line) => /\S/.test(line) && !line.startsWith(`${indent}  `));
    return inside
      .slice(0, end < 0 ? undefined : end)
      .map((line) => line.slice(indent.length + 2))
      .filter((line) => /\S/.test(line));
  };
  const own = block('stack').find((line) => !line.includes('node:'));
  return [...block('error').slice(0, 7), ...(own === undefined ? [] : [`at ${own}`])];
}
