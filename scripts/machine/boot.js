// One boot of the machine: its folder, its disks, the QEMU process, its output as it comes, its exit status.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerGuest } from './guest-requests.js';
import { diskSizes, qemuWords } from './qemu.js';
import { Tail } from './tail.js';
import { toolCommand } from './tools.js';
import { nodeVariables, topologies } from './topology.js';

/** The machine ended before the command did: it crashed, was killed or ran out of time. */
export const statusOfDeadMachine = 125;
/** A tier could not be set up. */
export const statusOfMissingTier = 120;

/** What ends a boot, and its machine with it. */
export const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** What a boot is unless said otherwise. */
export const bootDefaults = {
  topology: 'five-tiers',
  kernel: 'numa_balancing=disable',
  cpus: 2,
  // A virtual CPU that the host does not run stalls the others: several threads only where races are the point.
  threads: 'single',
  timeoutSeconds: 300,
  cxlSerial: 1,
  environment: {},
};

/**
 * Boots, runs the command (a shell script's text), and resolves to its exit status, where there was trouble a
 * report for a person, and whether its power was `cut`. Output goes to `out` and `err` while it comes. Options beyond {@link bootDefaults}: `disks`
 * (a folder, kept), `cxlFile`, `pmemFile`, `nvmeDrive`,
 * `nvmeErrors`, `qmp` (socket path), `share` (a folder, kept), `shell`, `abort` (a signal that cuts the power),
 * `peer` (what its guest can ask for by that name).
 */
export async function boot(machine, options) {
  const run = { ...bootDefaults, ...options };
  const folder = mkdtempSync(join(tmpdir(), 'memory-tiers-vm-'));
  const diskFolder = run.disks ?? mkdtempSync(join(roomyFolder(), 'memory-tiers-vm-'));
  const share = run.share ?? join(folder, 'share');
  let qemu;
  const kill = () => qemu?.kill('SIGKILL');
  let signal;
  const interrupted = (name) => {
    signal = name;
    kill();
  };
  for (const name of endingSignals) process.on(name, interrupted);
  let cut = false;
  const cutPower = () => {
    cut = true;
    kill();
  };
  run.abort?.addEventListener('abort', cutPower);
  const ends = [];
  try {
    mkdirSync(share, { recursive: true });
    prepareShare(share, machine, run);
    const disks = makeDisks(diskFolder, run, machine);
    const words = qemuWords(machine, {
      ...run,
      nvmeDrive: run.nvmeDrive ?? failingDrive(disks.nvme, run.nvmeErrors),
      topology: topologies[run.topology],
      disks,
      share,
      qmp: run.qmp ?? join(folder, 'qmp'),
    });
    qemu = spawn(machine.qemu.command, [...machine.qemu.args, ...words], {
      env: machine.qemu.env,
      stdio: [run.shell ? 'inherit' : 'ignore', run.shell ? 'inherit' : 'ignore', 'pipe'],
    });
    let complaint = '';
    qemu.stderr.on('data', (data) => {
      complaint += data;
    });
    for (const [name, stream] of [
      ['stdout', run.out ?? process.stdout],
      ['stderr', run.err ?? process.stderr],
    ]) {
      const tail = new Tail(join(share, name), stream);
      ends.push(() => tail.end());
    }
    const guest = answerGuest(share, run.qmp ?? join(folder, 'qmp'), {
      kill: cutPower,
      peer: run.peer,
    });
    ends.push(() => guest.stop());
    let late = '';
    const timer = setTimeout(() => {
      late = `the time limit of ${run.timeoutSeconds} s is over`;
      kill();
    }, run.timeoutSeconds * 1000);
    ends.push(() => clearTimeout(timer));
    await once(qemu, 'close');
    // As a shell says it: the machine did not die by itself.
    if (signal !== undefined) return { status: 128 + constants.signals[signal], report: signal };
    return { status: statusIn(share), report: trouble(share, late || complaint), cut };
  } finally {
    for (const name of endingSignals) process.off(name, interrupted);
    run.abort?.removeEventListener('abort', cutPower);
    kill();
    for (const end of ends) end();
    rmSync(folder, { recursive: true, force: true });
    if (run.disks === undefined) rmSync(diskFolder, { recursive: true, force: true });
  }
}

/** What the guest finds in its share: its own programs and what this boot asks of them. */
function prepareShare(share, machine, run) {
  for (const name of ['main', 'tiers']) {
    copyFileSync(new URL(`guest/${name}`, import.meta.url), join(share, name));
  }
  for (const name of ['status', 'stdout', 'stderr', 'times', 'tiers.log', 'dmesg', 'console']) {
    rmSync(join(share, name), { force: true });
  }
  const topology = topologies[run.topology];
  const nodes = Object.entries(nodeVariables(topology)).map(([name, value]) => `${name}=${value}`);
  writeFileSync(
    join(share, 'boot.env'),
    [
      `tools=${quote(machine.toolsFolder)}`,
      `pmem=${topology.pmem === true ? 'all' : topology.pmem || ''}`,
      `cxl=${topology.cxl}`,
      `shell=${run.shell ? 1 : ''}`,
      `nodes=${quote([`VM_TOPOLOGY=${run.topology}`, ...nodes].join(' '))}`,
      '',
    ].join('\n'),
  );
  const variables = { HOME: process.env.HOME ?? '/', ...run.environment };
  const exports = Object.entries(variables).map(
    ([name, value]) => `export ${name}=${quote(value)}`,
  );
  writeFileSync(join(share, 'command'), `${exports.join('\n')}\n${run.command}\n`);
}

/** A word of a shell script. */
export function quote(text) {
  return `'${String(text).replaceAll("'", "'\\''")}'`;
}

/** Creates the files behind the devices that are not there yet; all are sparse. */
function makeDisks(folder, run, machine) {
  mkdirSync(folder, { recursive: true });
  const disks = {};
  for (const [name, bytes] of Object.entries(diskSizes)) {
    disks[name] = { cxl: run.cxlFile, pmem2: run.pmemFile }[name] ?? join(folder, name);
    if (existsSync(disks[name])) continue;
    closeSync(openSync(disks[name], 'w'));
    truncateSync(disks[name], bytes);
    if (name === 'nvme') {
      const [mkfs, args, options] = toolCommand(machine.folder, 'mkfs.ext4', [
        '-q',
        '-F',
        disks[name],
      ]);
      execFileSync(mkfs, args, options);
    }
  }
  return disks;
}

/**
 * QEMU's file= for an image that fails where `errors` say: each an `event` ('read_aio', 'write_aio') and a `sector`.
 * (QEMU, docs/devel/testing/blkdebug.rst)
 */
function failingDrive(image, errors) {
  if (errors === undefined) return undefined;
  const rules = errors.map(({ event, sector }) => {
    return `[inject-error]\nevent = "${event}"\nerrno = "5"\nonce = "off"\nsector = "${sector}"\n`;
  });
  writeFileSync(`${image}.errors`, rules.join('\n'));
  return `blkdebug:${image}.errors:${image}`;
}

/** Memory if there is enough of it: /dev/shm has 64 MiB in many containers. */
function roomyFolder() {
  const needed = 2 ** 31;
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize >= needed) return '/dev/shm';
  } catch {
    // There is no /dev/shm.
  }
  return tmpdir();
}

function statusIn(share) {
  const file = join(share, 'status');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : statusOfDeadMachine;
}

/** Why there is no proper end, for a person: the complaint, the step of the tiers that failed, the last words. */
function trouble(share, complaint) {
  const status = statusIn(share);
  const read = (name) => {
    const file = join(share, name);
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  };
  if (status === statusOfMissingTier) return `a tier could not be set up:\n${read('tiers.log')}`;
  if (status !== statusOfDeadMachine) return '';
  const last = read('console').split('\n').slice(-20).join('\n');
  return ['the machine ended before the command did', complaint.trim(), last]
    .filter(Boolean)
    .join('\n');
}
