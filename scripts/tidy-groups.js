// Which C++ sources can be given to clang-tidy as one, and which of them its findings are about.

/** Beyond this many, a group that has to be looked at again costs more than is won. */
const most = 24;

/**
 * Sources with their `text` and `command`, put together so that no two in a group give a name to something of their
 * own. At most `limit` in a group.
 * @template {{ file: string, command: string, text: string }} T
 * @param {readonly T[]} sources
 * @returns {T[][]}
 */
export function groupsOf(sources, limit) {
  const size = Math.max(1, Math.min(most, limit));
  const groups = [];
  for (const source of sources) {
    // The options count, not what they are about.
    const options = source.command.replace(/ -o \S+/, '').replaceAll(source.file, '');
    const own = ownNames(source.text);
    let group = groups.find(
      (one) =>
        one.options === options &&
        one.sources.length < size &&
        own.every((name) => !one.names.has(name)),
    );
    if (group === undefined) {
      group = { options, names: new Set(), sources: [] };
      groups.push(group);
    }
    for (const name of own) group.names.add(name);
    group.sources.push(source);
  }
  return groups.map((group) => group.sources);
}

/** A line that declares: the last name before it is assigned, called, begun or ended. Not the std of std::string. */
const declaration =
  /^(?!static_assert|alignas|template)(?:[^={(;:]|::)*?(\w+)(?:\[[^\]]*\])?\s*(?:[={(;]|:(?!:)|final\b|$)/;

/** What a source gives a name to for itself alone: by macros, and in unnamed namespaces in the first column. */
function ownNames(text) {
  const names = [...text.matchAll(/^#define (\w+)/gm)].map(([, name]) => name);
  for (const [, inside] of text.matchAll(/^namespace \{\n([\s\S]*?)^\} {2}\/\/ namespace$/gm)) {
    for (const line of inside.split('\n')) {
      if (!/^[A-Za-z]/.test(line)) continue;
      const name = declaration.exec(line)?.[1];
      if (name !== undefined) names.push(name);
    }
  }
  return names;
}

/** The text of all, one after the other, and the line at which each one begins in it. */
export function joined(sources) {
  const lines = [];
  let text = '';
  let line = 1;
  for (const source of sources) {
    lines.push(line);
    const whole = source.text.endsWith('\n') ? source.text : `${source.text}\n`;
    text += whole;
    line += whole.split('\n').length - 1;
  }
  return { text, lines };
}

/**
 * The sources that a complaint about them as one, in `file`, is about. All of them, when it is also about something
 * else, such as a header, or about nothing that can be told.
 */
export function namedIn(complaint, file, sources, lines) {
  const named = new Set();
  for (const [, path, line] of complaint.matchAll(/^(\S+?):(\d+):\d+: (?:error|warning): /gm)) {
    if (path !== file) return [...sources];
    named.add(sources[lines.findLastIndex((first) => first <= Number(line))]);
  }
  return named.size === 0 ? [...sources] : [...named];
}
