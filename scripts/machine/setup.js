// Everything the machine is made of, fetched once into a cache outside the repository: QEMU, a kernel with its
// modules, the tools of the guest. Root is never needed, and nothing is installed.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CannotSetUp } from './cannot-set-up.js';
import { DebianPackages } from './debian-packages.js';
import { makeInitramfs } from './initramfs.js';
import { binFolders, toolCommand } from './tools.js';

// hmat, cxl-type3 with volatile-memdev, and acpi-generic-port all work from QEMU 10 on.
const newerPackages = ['qemu-system-x86', 'qemu-system-common', 'qemu-system-data', 'seabios'];
const packages = ['busybox-static', 'kmod', 'ndctl', 'daxctl', 'e2fsprogs', 'numactl'];
// A meta package: it names the newest kernel of its suite. The cloud flavour lacks 9p and /dev/port.
const kernelPackage = 'linux-image-amd64';
const oldestQemu = 10;
const guestTools = ['ndctl', 'daxctl', 'mkfs.ext4', 'blkid', 'numactl'];

/** Where the cache is: `MEMTIERS_VM_CACHE`, or below the user's cache folder. */
export function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return process.env.MEMTIERS_VM_CACHE || join(base, 'memory-tiers', 'vm');
}

/**
 * Makes what is missing and returns where everything is. `update` fetches anew. Throws {@link CannotSetUp} where
 * the machine cannot be had.
 */
export function setUp({ update = false, say = () => {} } = {}) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new CannotSetUp(
      `the machine needs a Linux x64 host, this is ${process.platform}-${process.arch}`,
      "it runs on the host's own root file system",
    );
  }
  const cache = cacheFolder();
  const recipe = JSON.stringify([newerPackages, packages, kernelPackage, guestTools]);
  const folder = join(cache, createHash('sha256').update(recipe).digest('hex').slice(0, 12));
  if (update) rmSync(folder, { recursive: true, force: true });
  if (!existsSync(join(folder, 'ready'))) fetchInto(folder, cache, say);
  const release = kernelRelease(folder);
  return {
    folder,
    qemu: qemuOf(folder),
    kernelRelease: release,
    kernelImage: join(folder, 'kernel/boot', `vmlinuz-${release}`),
    toolsFolder: join(folder, 'bin'),
    initramfs: makeInitramfs(folder, release),
  };
}

function fetchInto(folder, cache, say) {
  mkdirSync(cache, { recursive: true });
  // Made beside its place and renamed into it: a set-up that is cut off leaves nothing that looks whole.
  const making = mkdtempSync(join(cache, 'making-'));
  try {
    const debian = new DebianPackages(join(making, 'apt'));
    say('package lists');
    debian.update();
    const wanted = [...newerPackages.map((name) => debian.newer(name)), ...packages];
    const missing = debian.missing(wanted);
    say(
      missing.length === 0
        ? 'QEMU and the tools are installed'
        : `unpacking ${missing.length} packages`,
    );
    debian.unpack(missing, join(making, 'root'));
    const kernel = debian
      .dependencies(kernelPackage)
      .find((name) => name.startsWith('linux-image-'));
    if (kernel === undefined) throw new CannotSetUp(`${kernelPackage} names no kernel`);
    const name = kernel.split(' ')[0];
    say(name);
    debian.unpack([name], join(making, 'kernel'));
    rmSync(join(making, 'apt'), { recursive: true });
    for (const tool of guestTools) writeWrapper(making, tool);
    const [depmod, args, options] = toolCommand(making, 'depmod', [
      '-b',
      join(making, 'kernel'),
      kernelRelease(making),
    ]);
    execFileSync(depmod, args, options);
    writeFileSync(join(making, 'ready'), `${[...missing, name].join('\n')}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

function kernelRelease(folder) {
  return readdirSync(join(folder, 'kernel/lib/modules'))[0];
}

/** A program of the guest that was unpacked, not installed, gets a script that finds its libraries. */
function writeWrapper(folder, name) {
  const bin = binFolders.find((candidate) => existsSync(join(folder, 'root', candidate, name)));
  if (bin === undefined) return;
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const wrapper = join(folder, 'bin', name);
  writeFileSync(
    wrapper,
    `#!/bin/sh
root=$(cd "$(dirname "$0")/../root" && pwd -P)
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu"
exec "$root/${bin}/${name}" "$@"
`,
  );
  chmodSync(wrapper, 0o755);
}

/** The emulator as a command, its arguments and its environment. Throws when it is too old or does not start. */
function qemuOf(folder) {
  const [command, , options] = toolCommand(folder, 'qemu-system-x86_64');
  let version;
  try {
    version = execFileSync(command, ['--version'], { ...options, encoding: 'utf8' });
  } catch (error) {
    throw new CannotSetUp(`${command} does not start: ${error.message}`);
  }
  const major = Number(/version (\d+)/.exec(version)?.[1]);
  if (!(major >= oldestQemu)) {
    throw new CannotSetUp(`${command} is ${version.split('\n')[0]}; QEMU ${oldestQemu} is needed`);
  }
  const share = join(folder, 'root/usr/share');
  const firmware = ['qemu', 'seabios'].map((name) => join(share, name)).filter(existsSync);
  return {
    command,
    version: version.split('\n')[0],
    args: firmware.flatMap((path) => ['-L', path]),
    env: options.env,
  };
}
