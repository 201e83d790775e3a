// The command line of scripts/vm.

import { parseArgs } from 'node:util';
import { boot, bootDefaults, quote } from './boot.js';
import { CannotSetUp } from './cannot-set-up.js';
import { FetchError } from './debian-packages.js';
import { cacheFolder, setUp } from './setup.js';
import { runSuite } from './suite.js';
import { topologies } from './topology.js';

const help = `Usage: scripts/vm COMMAND [options]

One emulated machine with all five memory tiers, through the kernel's real drivers: two sockets with DDR and HBM each,
CXL as a CPU-less node, PMEM as fsdax, devdax and system-ram, NVMe. It runs on this host's own root file system (read
only; what the guest writes is gone afterwards), needs QEMU but neither KVM nor root. Timings inside mean nothing.

  setup               fetch and unpack what is missing (Debian 12, 13); --update fetches anew
  run -- COMMAND...   boot, run the command in the present folder, end with its status
  shell               boot and open a shell; leave it with exit
  test [NAME...]      boot what the tests in test/vm need and run them; names are those of the boots

Options of run and shell:
  --topology NAME     ${Object.keys(topologies).join(', ')}
  --kernel WORDS      more words for the kernel's command line
  --numa-balancing    leave the kernel's NUMA balancing on (it is off)
  --cpus N            virtual CPUs, an even number (${bootDefaults.cpus})
  --threads           one host thread per virtual CPU: real races, slow on a busy host
  --timeout SECONDS   then the machine is killed (${bootDefaults.timeoutSeconds} for run)
  --disks FOLDER      keep the PMEM, CXL and NVMe contents in files there
  --cxl-file FILE     the CXL device's memory; two machines may share one
  --cxl-serial N      the CXL device's serial number (two machines: two numbers)
  --pmem-file FILE    the devdax PMEM's memory; two machines may share one (atomics between them need --threads)
  --nvme-drive VALUE  QEMU's file= for the drive, e.g. blkdebug:FILE:IMAGE to inject errors
  --qmp SOCKET        where to put QEMU's control socket
  --share FOLDER      a folder both sides see (/run/machine/share in the guest); has dmesg, console and times later

In the guest the environment says what is where: VM_DDR_NODES, VM_HBM_NODES, VM_CXL_NODE or VM_CXL_DEVDAX, VM_CXL_DAX,
VM_PMEM_NODE, VM_PMEM_DIRECTORY, VM_PMEM_DEVDAX, VM_PMEM_KMEM, VM_NVME_DIRECTORY, VM_TOPOLOGY.

Exit status: the command's; 120 a tier could not be set up, 125 the machine died, 77 it cannot be had on this host.
`;

/** By convention of test harnesses: skipped, not failed. */
const statusOfUnavailable = 77;
const statusOfMisuse = 2;

const options = {
  topology: { type: 'string' },
  kernel: { type: 'string' },
  'numa-balancing': { type: 'boolean' },
  cpus: { type: 'string' },
  threads: { type: 'boolean' },
  timeout: { type: 'string' },
  disks: { type: 'string' },
  'cxl-file': { type: 'string' },
  'cxl-serial': { type: 'string' },
  'pmem-file': { type: 'string' },
  'nvme-drive': { type: 'string' },
  qmp: { type: 'string' },
  share: { type: 'string' },
  update: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

class Misuse extends Error {}

/** The boot that the options ask for; what is not said is left out. */
function bootOptions(values) {
  const number = (name, check, wanted) => {
    if (values[name] === undefined) return undefined;
    const value = Number(values[name]);
    if (!Number.isInteger(value) || !check(value)) throw new Misuse(`--${name} takes ${wanted}`);
    return value;
  };
  if (values.topology !== undefined && !(values.topology in topologies)) {
    throw new Misuse(`--topology is one of ${Object.keys(topologies).join(', ')}`);
  }
  const balancing = values['numa-balancing'] ? '' : bootDefaults.kernel;
  const asked = {
    topology: values.topology,
    kernel: [balancing, values.kernel ?? ''].filter(Boolean).join(' '),
    cpus: number('cpus', (value) => value >= 2 && value % 2 === 0, 'an even number'),
    threads: values.threads ? 'multi' : undefined,
    timeoutSeconds: number('timeout', (value) => value > 0, 'seconds'),
    disks: values.disks,
    cxlFile: values['cxl-file'],
    cxlSerial: number('cxl-serial', (value) => value > 0, 'a positive number'),
    pmemFile: values['pmem-file'],
    nvmeDrive: values['nvme-drive'],
    qmp: values.qmp,
    share: values.share,
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

async function bootAndReport(machine, run) {
  const { status, report } = await boot(machine, run);
  if (report) process.stderr.write(`vm: ${report}\n`);
  return status;
}

const say = (text) => process.stderr.write(`vm: ${text}\n`);

async function main(argv) {
  const split = argv.indexOf('--');
  const command = split < 0 ? [] : argv.slice(split + 1);
  const { values, positionals } = parseArgs({
    args: split < 0 ? argv : argv.slice(0, split),
    options,
    allowPositionals: true,
  });
  const [verb, ...names] = positionals;
  if (values.help || verb === undefined) {
    process.stdout.write(help);
    return values.help ? 0 : statusOfMisuse;
  }
  if (!['setup', 'run', 'shell', 'test'].includes(verb)) throw new Misuse(`no command ${verb}`);
  if (verb === 'run' && command.length === 0) throw new Misuse('run needs -- and a command');
  const run = bootOptions(values);
  let machine;
  try {
    machine = setUp({ update: values.update ?? false, say });
  } catch (error) {
    // Only from here: what fails later is a failure, and no reason to skip.
    if (!(error instanceof CannotSetUp)) throw error;
    say(`cannot be set up here: ${error.message}`);
    return statusOfUnavailable;
  }
  const cd = `cd ${quote(process.cwd())} || exit 126`;
  switch (verb) {
    case 'setup':
      say(`ready in ${cacheFolder()}: Linux ${machine.kernelRelease}, ${machine.qemu.version}`);
      return 0;
    case 'run':
      return bootAndReport(machine, { ...run, command: `${cd}\n${command.map(quote).join(' ')}` });
    case 'shell': {
      say('booting, half a minute; leave with exit');
      const day = 24 * 60 * 60;
      return bootAndReport(machine, {
        timeoutSeconds: day,
        ...run,
        shell: true,
        command: `${cd}\nexport TERM=${quote(process.env.TERM ?? 'linux')}\nexec bash -i`,
      });
    }
    default:
      return runSuite(machine, names, say);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof FetchError || error instanceof CannotSetUp) {
    say(error.message);
    process.exitCode = 1;
  } else if (error instanceof Misuse || error.code?.startsWith('ERR_PARSE_ARGS')) {
    say(`${error.message}; see scripts/vm --help`);
    process.exitCode = statusOfMisuse;
  } else {
    throw error;
  }
}
