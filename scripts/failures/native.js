// Failures in what scripts/test-native prints: doctest's reports, sanitizers' reports, compiler errors.

/** Lines that begin a sanitizer's report. */
const sanitizer = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: /;
/** A frame of a stack. */
const frame = /^\s*#\d+ /;
const errorReport = /^\S+:\d+: (FATAL )?ERROR: /;

export function nativeFailures(log) {
  const lines = log.split('\n');
  return [...doctest(log), ...sanitizers(lines), ...compilers(lines)];
}

/**
 * doctest separates by a line of equals signs what it has to say of each case: where it is, its suite and name, its
 * subcases, and reports that end with an empty line.
 */
function doctest(log) {
  const failures = [];
  for (const block of log.split(/^={20,}$/m)) {
    const [head, ...reports] = block.split(/\n\s*\n/);
    const name = /^TEST CASE: +(.*(?:\n {2}.*)*)/m.exec(head)?.[1];
    const errors = reports.filter((text) => errorReport.test(text.trimStart()));
    if (name === undefined || errors.length === 0) continue;
    failures.push({
      title: `TEST CASE: ${name.replaceAll(/\s*\n\s*/g, ' > ')}`,
      lines: errors.flatMap((text) => text.trim().split('\n')),
    });
  }
  return failures;
}

/** The first line of each report, and the frames that are in this repository. */
function sanitizers(lines) {
  return lines.flatMap((line, index) => {
    if (!sanitizer.test(line)) return [];
    const after = lines.slice(index + 1, index + 60);
    const next = after.findIndex((text) => sanitizer.test(text));
    const own = (next < 0 ? after : after.slice(0, next)).filter((text) => frame.test(text));
    const near = own.filter((text) => /\/(native|test|bench)\//.test(text));
    const shown = near.length > 0 ? near : own;
    return [{ title: line.trim(), lines: shown.slice(0, 6).map((text) => text.trim()) }];
  });
}

/** Of g++, clang and CMake: the line itself, and what it points at. */
function compilers(lines) {
  return lines.flatMap((line, index) =>
    /^\S+:\d+:\d+: (fatal )?error: |: undefined reference to |^CMake Error/.test(line)
      ? [
          {
            title: line,
            lines: lines.slice(index + 1, index + 4).filter((text) => /\S/.test(text)),
          },
        ]
      : [],
  );
}
