import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // A native crash kills one file's process, not the run.
    pool: 'forks',
    execArgv: ['--expose-gc'],
    include: ['test/**/*.test.ts'],
    // Runs in the emulated machine: npm run test:vm.
    exclude: ['test/vm/**'],
    testTimeout: 30_000,
  },
});
