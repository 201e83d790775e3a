import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // A native crash kills one file's process, not the run.
    pool: 'forks',
    execArgv: ['--expose-gc'],
    include: ['test/**/*.test.ts'],
    // Runs in the emulated machine: npm run test:vm.
    exclude: ['test/vm/**'],
    // A test that hangs is to fail; one on a machine that is busy with other things is not.
    testTimeout: 180_000,
    // By default one core is left idle: for people who go on typing.
    maxWorkers: '100%',
  },
});
