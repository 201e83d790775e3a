/** Where memkind's idea of a kind of memory is not the tier that it is used for. */

import { isAllowed } from './capacity.ts';
import { describeDirectory } from './classify.ts';
import type { DirectoryFacts } from './directory-probe.ts';
import type { MachineDescription } from './machine-description.ts';
import { classifyNodes, type NodeClass } from './node-class.ts';
import type { BackendConfig, Limit, TierName } from './tier.ts';
import type { TierProbe } from './tier-probe.ts';

type MemkindConfig = Extract<BackendConfig, { readonly kind: 'memkind' }>;

function describeNodes(nodes: readonly NodeClass[]): string {
  const names = nodes.map(({ node, tier }) => `${node.id} (${tier})`);
  return `node${names.length > 1 ? 's' : ''} ${names.join(', ')}`;
}

/** What to do so that memkind takes nodes of `name` only, as far as the machine has some. */
function hintFor(name: TierName, nodes: readonly NodeClass[], variable?: string): string {
  const ids = nodes.filter(({ tier }) => tier === name).map(({ node }) => node.id);
  if (variable !== undefined && ids.length > 0) {
    return `Set ${variable}=${ids.join(',')} before the program starts, or give \`numa\` backends.`;
  }
  return 'Give a `numa` backend, which is bound to its node.';
}

/** memkind takes any dax device that is system RAM, and of several the nearest by SLIT, which CXL is not in. */
function daxKmemLimits(name: TierName, machine: MachineDescription, chosen: boolean): Limit[] {
  if (chosen) return [];
  const kmem = machine.dax.filter(({ mode }) => mode === 'system-ram');
  const nodes = classifyNodes(machine).filter(
    ({ node }) =>
      isAllowed(machine, node.id) && kmem.some(({ targetNode }) => targetNode === node.id),
  );
  if (nodes.every(({ tier }) => tier === name)) return [];
  return [
    {
      what: `${name} may lie on other memory`,
      reason: `memkind's DAX_KMEM takes the dax memory nearest to each CPU, of ${describeNodes(nodes)}`,
      hint: hintFor(name, nodes, 'MEMKIND_DAX_KMEM_NODES'),
    },
  ];
}

function highestCapacityLimits(name: TierName, machine: MachineDescription): Limit[] {
  const allowed = classifyNodes(machine).filter(({ node }) => isAllowed(machine, node.id));
  const most = Math.max(...allowed.map(({ node }) => node.memoryBytes));
  const largest = allowed.filter(({ node }) => node.memoryBytes === most);
  if (largest.every(({ tier }) => tier === name)) return [];
  return [
    {
      what: `${name} may lie on other memory`,
      reason: `memkind's HIGHEST_CAPACITY takes the largest node, here ${describeNodes(largest)}`,
      hint: hintFor(name, allowed),
    },
  ];
}

function pmemLimits(name: TierName, facts: DirectoryFacts): Limit[] {
  if (facts.mount?.dax === true && facts.block?.origin === 'pmem') return [];
  return [
    {
      what: `${name} is not on persistent memory`,
      reason: `${describeDirectory(facts)}: memkind's PMEM takes a file anywhere`,
      hint: 'Give a directory on a file system that is mounted with `-o dax` on /dev/pmemN.',
    },
  ];
}

/**
 * What there is to say against a memkind backend as part of the tier `name`.
 *
 * @throws TierError `ERR_TIER_UNAVAILABLE` or `ERR_TIER_NO_PERMISSION` for a directory that cannot be used
 */
export function memkindLimits(
  name: TierName,
  backend: MemkindConfig,
  machine: MachineDescription,
  probe: TierProbe,
): Limit[] {
  switch (backend.memkind) {
    case 'DAX_KMEM':
      return daxKmemLimits(name, machine, probe.environment.MEMKIND_DAX_KMEM_NODES !== undefined);
    case 'HIGHEST_CAPACITY':
      return highestCapacityLimits(name, machine);
    case 'PMEM':
      return backend.directory === undefined
        ? []
        : pmemLimits(name, probe.directory(backend.directory, machine));
    // Without nodes of high bandwidth, opening it fails.
    case 'HBW':
      return [];
  }
}
