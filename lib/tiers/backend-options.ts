/** Checks backends that a caller spells out. */

import { invalidType, invalidValue } from '../errors.ts';
import { parseByteSize } from './byte-size.ts';
import { checkKeys, checkObject, checkOneOf, checkPath } from './option-checks.ts';
import { type BackendConfig, type BackendKind, budgetStepBytes } from './tier.ts';

const keysByKind: Readonly<Record<BackendKind, readonly string[]>> = {
  numa: ['kind', 'node', 'capacityBytes'],
  file: ['kind', 'directory', 'capacityBytes', 'dax'],
  dax: ['kind', 'path', 'capacityBytes'],
  pool: ['kind', 'path', 'lockPath', 'capacityBytes'],
  memkind: ['kind', 'memkind', 'directory', 'capacityBytes'],
  simulated: ['kind', 'node', 'capacityBytes'],
};
const kinds = Object.keys(keysByKind) as BackendKind[];
const memkinds = ['HBW', 'DAX_KMEM', 'HIGHEST_CAPACITY', 'PMEM'] as const;

function checkBackend(name: string, value: unknown): BackendConfig {
  const backend = checkObject(name, value);
  const kind = checkOneOf(`${name}.kind`, backend.kind, kinds);
  checkKeys(name, backend, keysByKind[kind]);
  const capacityBytes = parseByteSize(`${name}.capacityBytes`, backend.capacityBytes);
  if (capacityBytes < budgetStepBytes) {
    throw invalidValue(`${name}.capacityBytes`, 'at least 64 KiB', backend.capacityBytes);
  }
  const { node, dax, directory } = backend;
  if (kind === 'numa' || (kind === 'simulated' && node !== undefined)) {
    if (typeof node !== 'number') throw invalidType(`${name}.node`, 'a NUMA node number', node);
    if (!Number.isInteger(node) || node < 0) {
      throw invalidValue(`${name}.node`, 'a NUMA node number, 0 or more', node);
    }
  }
  if (dax !== undefined && typeof dax !== 'boolean') {
    throw invalidType(`${name}.dax`, 'a boolean', dax);
  }
  if (kind === 'file') checkPath(`${name}.directory`, directory);
  if (kind === 'dax' || kind === 'pool') checkPath(`${name}.path`, backend.path);
  if (kind === 'pool' && backend.lockPath !== undefined) {
    checkPath(`${name}.lockPath`, backend.lockPath);
  }
  if (kind === 'memkind') {
    const memkind = checkOneOf(`${name}.memkind`, backend.memkind, memkinds);
    if (memkind === 'PMEM') checkPath(`${name}.directory`, directory);
    else if (directory !== undefined) {
      throw invalidValue(`${name}.directory`, `absent for memkind ${memkind}`, directory);
    }
  }
  return { ...backend, capacityBytes } as BackendConfig;
}

/** Backends as given, sizes in bytes. Throws a TypeError or RangeError naming what is wrong. */
export function checkBackends(name: string, value: unknown): BackendConfig[] {
  if (!Array.isArray(value)) throw invalidType(name, 'an array of backends', value);
  if (value.length === 0) throw invalidValue(name, 'a list of at least one backend', '[]');
  return value.map((backend, index) => checkBackend(`${name}[${index}]`, backend));
}
