#!/usr/bin/env node
/** The program `memory-tiers`. */

import { adviseCommand } from './advise.ts';
import { runCli } from './cli.ts';
import { decisionsCommand } from './decisions.ts';
import { demoCommand } from './demo.ts';
import { numaCommand } from './numa.ts';
import { poolCommand } from './pool.ts';
import { replayCommand } from './replay.ts';
import { simulateCommand } from './simulate.ts';
import { topologyCommand } from './topology.ts';

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

runCli(
  process.argv.slice(2),
  [
    demoCommand,
    topologyCommand,
    numaCommand,
    poolCommand,
    replayCommand,
    simulateCommand,
    adviseCommand,
    decisionsCommand,
  ],
  {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
  },
).then((exitCode) => {
  process.exitCode = exitCode;
});
