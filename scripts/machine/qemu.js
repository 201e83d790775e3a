// The words that start QEMU as the machine.

import { memoryWord, nodeOf, nodeWords } from './topology.js';

/** Sizes of the files behind the devices. 2 MiB of each PMEM file are its labels. */
export const diskSizes = {
  pmem0: 258 << 20,
  pmem1: 514 << 20,
  pmem2: 130 << 20,
  cxl: 512 << 20,
  nvme: 512 << 20,
};

// nokaslr: else the kernel's own text may land in an HBM node. swiotlb: else 64 MiB of one go to bounce buffers.
// init_on_alloc: Debian clears every page twice, which the emulated CXL window makes slow. tsc: without the hypervisor
// bit it is distrusted.
const kernelWords =
  'nokaslr swiotlb=1024 tsc=reliable mitigations=off rcupdate.rcu_expedited=1 cryptomgr.notests=1 audit=0 ' +
  'nowatchdog no_timer_check init_on_alloc=0 console=ttyS0 panic=-1 quiet loglevel=4';

/**
 * The arguments. `run` says what this boot is: `topology`, `cpus`, `threads` ('single' or 'multi'), `disks` (paths by
 * name), `share` (folder), `qmp` (socket path), `kernel` (words added), `shell` (terminal on stdio), `cxlSerial`,
 * `nvmeDrive` (QEMU's file= value).
 */
export function qemuWords(machine, run) {
  const { topology, disks } = run;
  const pmem = (index, name) => [
    '-object',
    `memory-backend-file,id=pm${index},mem-path=${disks[name]},size=${diskSizes[name]},share=on`,
    '-device',
    `nvdimm,id=nv${index},memdev=pm${index},label-size=2M,node=${nodeOf(topology, 'pmem')}`,
  ];
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    // hpet=off: SeaBIOS ignores QEMU's ACPI tables, silently, when there are more than 32 loader entries.
    '-machine',
    `q35,cxl=on,hmat=on,nvdimm=${topology.pmem ? 'on' : 'off'},hpet=off,` +
      'cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G',
    ...['-accel', `tcg,thread=${run.threads}`],
    // -hypervisor: under a hypervisor Linux refuses to commit a CXL region. -erms,-fsrm: else the kernel copies by
    // rep movsb, byte by byte over the emulated CXL window, 6 to 8 times slower.
    ...['-cpu', 'max,la57=off,-hypervisor,-erms,-fsrm'],
    ...['-smp', `${run.cpus},sockets=2,cores=${run.cpus / 2},threads=1`],
    ...['-m', memoryWord(topology)],
    ...nodeWords(topology),
    ...pmemDisks(topology).flatMap((name, i) => pmem(i, name)),
    // pxb-cxl becomes the default bus: every device after it says bus=pcie.0.
    ...['-device', 'pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1'],
    ...(topology.cxlHmat
      ? ['-object', `acpi-generic-port,id=gp0,pci-bus=cxl.1,node=${nodeOf(topology, 'port')}`]
      : []),
    ...['-device', 'cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=2'],
    '-object',
    `memory-backend-file,id=cxlm0,mem-path=${disks.cxl},size=${diskSizes.cxl},share=on`,
    ...['-device', `cxl-type3,bus=rp0,volatile-memdev=cxlm0,id=cxl0,sn=${run.cxlSerial}`],
    // rerror, werror: an I/O error is the guest's to see, not a reason to stop it.
    '-drive',
    `if=none,id=nvm,file=${run.nvmeDrive ?? disks.nvme},format=raw,cache=unsafe,discard=unmap,` +
      'rerror=report,werror=report',
    ...['-device', 'nvme,id=nvme0,bus=pcie.0,serial=memorytiers0,drive=nvm'],
    ...['-device', 'isa-debug-exit,iobase=0x501,iosize=4'],
    ...['-chardev', `file,id=console,path=${run.share}/console`, '-serial', 'chardev:console'],
    ...(run.shell ? ['-chardev', 'stdio,id=shell,signal=off', '-serial', 'chardev:shell'] : []),
    ...['-qmp', `unix:${run.qmp},server=on,wait=off`],
    ...fileSystem('hostroot', '/', ',readonly=on'),
    ...fileSystem('share', run.share, ''),
    ...['-kernel', machine.kernelImage, '-initrd', machine.initramfs],
    ...['-append', `${kernelWords} ${run.kernel}`],
  ];
}

/** The names of the disks behind the PMEM, by rising physical address. */
function pmemDisks({ pmem }) {
  if (pmem === 'devdax') return ['pmem2'];
  return pmem ? ['pmem0', 'pmem1', 'pmem2'] : [];
}

function fileSystem(tag, path, more) {
  return [
    '-fsdev',
    `local,id=${tag},path=${path},security_model=none,multidevs=remap${more}`,
    '-device',
    `virtio-9p-pci,bus=pcie.0,fsdev=${tag},mount_tag=${tag}`,
  ];
}
