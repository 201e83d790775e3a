/** What the emulated machine has. A tier that is missing fails the test that asks for it; nothing is skipped. */

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`this machine has no ${name}: the test runs by way of "npm run test:vm"`);
  }
  return value;
}

const list = (name: string): number[] => variable(name).split(',').map(Number);

/** Tiers by where they are. Each property throws when the machine does not have it. */
export const machine = {
  get topology(): string {
    return variable('VM_TOPOLOGY');
  },
  get ddrNodes(): number[] {
    return list('VM_DDR_NODES');
  },
  get hbmNodes(): number[] {
    return list('VM_HBM_NODES');
  },
  get cxlNode(): number {
    return Number(variable('VM_CXL_NODE'));
  },
  /** The dax device of the CXL region, e.g. `dax3.0`. */
  get cxlDax(): string {
    return variable('VM_CXL_DAX');
  },
  /** The device file when the CXL memory was left as devdax. */
  get cxlDevdax(): string {
    return variable('VM_CXL_DEVDAX');
  },
  /** The node of the PMEM that is system-ram. */
  get pmemNode(): number {
    return Number(variable('VM_PMEM_NODE'));
  },
  /** The dax device behind that node, e.g. `dax2.0`. */
  get pmemKmem(): string {
    return variable('VM_PMEM_KMEM');
  },
  /** A mounted fsdax file system. */
  get pmemDirectory(): string {
    return variable('VM_PMEM_DIRECTORY');
  },
  get pmemDevdax(): string {
    return variable('VM_PMEM_DEVDAX');
  },
  get nvmeDirectory(): string {
    return variable('VM_NVME_DIRECTORY');
  },
  /** Whether the variant has what the variable is about; only for tests that run in several variants. */
  has(name: 'VM_HBM_NODES' | 'VM_PMEM_NODE' | 'VM_CXL_NODE' | 'VM_CXL_DEVDAX'): boolean {
    return (process.env[name] ?? '') !== '';
  },
};
