/** The pool's core without JavaScript: rates of one member and of two, and what a death takes. */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const build = `${root}build/native-tests`;

/** Lines of `pool_torture speed`, which is built for it. */
export function benchNative() {
  const quiet = { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] };
  const ninja = existsSync(`${build}/build.ninja`) || !existsSync(build) ? ['-G', 'Ninja'] : [];
  execFileSync(
    'cmake',
    ['-S', '.', '-B', build, ...ninja, '-DMEMTIERS_ADDON=OFF', '-DMEMTIERS_TESTS=ON'],
    quiet,
  );
  execFileSync('cmake', ['--build', build, '--target', 'pool_torture', '-j', '2'], quiet);
  const text = execFileSync(`${build}/pool_torture`, ['speed'], { encoding: 'utf8' });
  return text.trim().split('\n');
}
