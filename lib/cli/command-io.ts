/** The outside world of a command: what it reads and writes. Tests pass their own. */

import type { Readable } from 'node:stream';

/** Where text goes. `process.stdout` is one. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Streams and environment of a command. */
export interface CommandIo {
  readonly stdin: Readable;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Paints text when the sink is a terminal and `NO_COLOR` is not set; otherwise returns it as it is. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  /** One of six clearly different colours, by number. */
  hue(index: number, text: string): string;
}

const hues = [35, 36, 32, 33, 34, 31];

/** The paint for a sink. `FORCE_COLOR` colours pipes too; `NO_COLOR` wins (https://no-color.org). */
export function paintFor(sink: TextSink, env: CommandIo['env']): Paint {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  const coloured = !env.NO_COLOR && (forced || (sink.isTTY === true && env.TERM !== 'dumb'));
  const wrap = (code: number, text: string): string =>
    coloured ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    bold: (text) => wrap(1, text),
    dim: (text) => wrap(2, text),
    red: (text) => wrap(31, text),
    green: (text) => wrap(32, text),
    hue: (index, text) => wrap(hues[index % hues.length], text),
  };
}

/** Writes one JSON document and a line end. */
export function writeJson(sink: TextSink, value: unknown): void {
  sink.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
