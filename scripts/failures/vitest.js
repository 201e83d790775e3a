// Failures in vitest's JSON report, and in its output what is in no report.

import { plain } from './report.js';

export function vitestFailures(json, log) {
  const suites = json === '' ? [] : JSON.parse(json).testResults;
  const failures = suites.flatMap((suite) => {
    const tests = suite.assertionResults
      // The process of one that stays "pending" died.
      .filter(({ status }) => status === 'failed' || status === 'pending')
      .map(({ fullName, status, failureMessages }) => ({
        title: `${suite.name}: ${fullName}`,
        lines: status === 'pending' ? ['did not end'] : first(failureMessages),
      }));
    if (tests.length > 0 || suite.status !== 'failed') return tests;
    return [{ title: suite.name, lines: first([suite.message]) }];
  });
  return [...failures, ...unhandled(plain(log))];
}

/** The words of a message, and where it comes from, without the way there. */
function first(messages) {
  return messages.flatMap((message) => {
    const lines = plain(message).split('\n');
    const frames = lines.filter((line) => /^\s+at /.test(line));
    const words = lines.filter((line) => /\S/.test(line) && !frames.includes(line));
    const own = frames.find((line) => !/node_modules|node:/.test(line)) ?? frames[0];
    return [...words.slice(0, 6), ...(own === undefined ? [] : [own.trim()])];
  });
}

/** Errors outside every test: they fail the run, and its JSON report has nothing of them. */
function unhandled(log) {
  const [, text] = log.split(/^.*Unhandled Errors.*$/m);
  if (text === undefined) return [];
  // Its first two lines say what vitest calls such errors.
  const lines = text.split('\n').filter((line) => /\w/.test(line));
  return [{ title: 'an error outside every test', lines: lines.slice(2, 10) }];
}
