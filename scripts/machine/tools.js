// Programs that are installed, or were unpacked into the cache.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CannotSetUp } from './cannot-set-up.js';

/** Where a package's programs lie. */
export const binFolders = ['usr/bin', 'usr/sbin', 'bin', 'sbin'];

/** Where a program is: unpacked, or installed. */
function toolPath(folder, name) {
  const unpacked = binFolders.map((bin) => join(folder, 'root', bin, name));
  const installed = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const found = [...unpacked, ...installed.map((bin) => join(bin, name))].find(existsSync);
  if (found === undefined) throw new CannotSetUp(`${name} is neither installed nor in its package`);
  return found;
}

/** Arguments for `execFileSync` that run a program with the libraries that were unpacked with it. */
export function toolCommand(folder, name, args = []) {
  return [toolPath(folder, name), args, { env: { ...process.env, ...libraries(folder) } }];
}

function libraries(folder) {
  const root = join(folder, 'root');
  if (!existsSync(root)) return {};
  return {
    LD_LIBRARY_PATH: [`${root}/usr/lib/x86_64-linux-gnu`, `${root}/lib/x86_64-linux-gnu`].join(':'),
  };
}
