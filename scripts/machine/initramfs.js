// The first file system of the guest: a static busybox, the modules in load order, and guest/init.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { toolCommand } from './tools.js';

// cxl_core, cxl_port, virtio-pci and the HMAT are built into the kernel.
const modules = [
  '9pnet_virtio',
  '9p',
  'overlay',
  'nvme',
  'crc32c_intel',
  'crc32c_generic',
  'ext4',
  'nfit',
  'nd_pmem',
  'dax_pmem',
  'device_dax',
  'kmem',
  'cxl_acpi',
  'cxl_pci',
  'cxl_mem',
  'cxl_pmem',
  'dax_cxl',
  'dax_hmem',
  'hwpoison_inject',
];
const applets = [
  'sh',
  'mount',
  'mkdir',
  'insmod',
  'switch_root',
  'cat',
  'cut',
  'echo',
  'sleep',
  'poweroff',
];

/** Makes the image below `folder` unless it is there; returns its path. */
export function makeInitramfs(folder, release) {
  const init = new URL('guest/init', import.meta.url);
  const recipe = JSON.stringify([modules, applets, release, readFileSync(init, 'utf8')]);
  const digest = createHash('sha256').update(recipe).digest('hex').slice(0, 12);
  const image = join(folder, `initramfs-${digest}`);
  if (existsSync(image)) return image;

  const tree = mkdtempSync(join(folder, 'initramfs-making-'));
  try {
    for (const path of ['bin', 'dev', 'proc', 'sys', 'mnt', 'lib/modules']) {
      mkdirSync(join(tree, path), { recursive: true });
    }
    const [busybox] = toolCommand(folder, 'busybox');
    copyFileSync(busybox, join(tree, 'bin/busybox'));
    for (const applet of applets) symlinkSync('busybox', join(tree, 'bin', applet));
    const order = loadOrder(folder, release);
    for (const module of order) {
      const name = basename(module).replace(/\.xz$/, '');
      const bytes = module.endsWith('.xz')
        ? execFileSync(busybox, ['xz', '-dc', module], { maxBuffer: 64 << 20 })
        : readFileSync(module);
      writeFileSync(join(tree, 'lib/modules', name), bytes);
    }
    const names = order.map((module) => basename(module).replace(/\.xz$/, ''));
    writeFileSync(join(tree, 'lib/order'), `${names.join('\n')}\n`);
    copyFileSync(init, join(tree, 'init'));
    chmodSync(join(tree, 'init'), 0o755);
    const files = readdirSync(tree, { recursive: true });
    writeFileSync(
      `${image}.${process.pid}`,
      execFileSync(busybox, ['cpio', '-o', '-H', 'newc'], {
        cwd: tree,
        input: `.\n${files.join('\n')}\n`,
        maxBuffer: 64 << 20,
        stdio: ['pipe', 'pipe', 'ignore'],
      }),
    );
    renameSync(`${image}.${process.pid}`, image);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
  return image;
}

/** Paths of the modules and of what they need, in the order in which they load. */
function loadOrder(folder, release) {
  const order = new Set();
  for (const module of modules) {
    // An empty configuration: the host's modprobe.d says nothing about the guest.
    const [modprobe, args, options] = toolCommand(folder, 'modprobe', [
      '--config=/dev/null',
      `--dirname=${join(folder, 'kernel')}`,
      `--set-version=${release}`,
      '--show-depends',
      module,
    ]);
    const lines = execFileSync(modprobe, args, { ...options, encoding: 'utf8' }).split('\n');
    for (const line of lines) {
      const [verb, path] = line.split(' ');
      if (verb === 'insmod') order.add(path);
    }
  }
  return [...order];
}
