/** Topology fixtures: a tree of /sys and /proc as files and links, and what is to be made of it. */

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireNative } from '../../../lib/native.ts';
import type { MachineDescription } from '../../../lib/tiers/machine-description.ts';
import type { Figure, TierName, TierSpec } from '../../../lib/tiers/tier.ts';

export interface TopologyFixture {
  readonly name: string;
  readonly description: string;
  /** Contents by path; a path that ends in `/` is an empty directory. */
  readonly files: Readonly<Record<string, string>>;
  readonly links: Readonly<Record<string, string>>;
  /** What only a running kernel can tell. */
  readonly inject?: {
    readonly permissions?: MachineDescription['permissions'];
    /** By mount path. */
    readonly freeBytes?: Readonly<Record<string, number>>;
  };
  readonly expect: {
    /** Part of the machine description. */
    readonly machine?: Readonly<Record<string, unknown>>;
    /** Backends by tier in use, without their capacities. */
    readonly tiers: Readonly<Partial<Record<TierName, readonly object[]>>>;
    readonly kinds?: Readonly<Partial<Record<TierName, string>>>;
    readonly figures?: Readonly<Partial<Record<TierName, Partial<Record<keyof TierSpec, Figure>>>>>;
    /** Words that the evidence of a tier contains. */
    readonly evidence?: Readonly<Partial<Record<TierName, string>>>;
    readonly mostBytes?: Readonly<Partial<Record<TierName, number>>>;
    /** Names and backend kinds of everything detected. */
    readonly available?: readonly (readonly [TierName, readonly string[]])[];
    /** Limits that are among those reported, by `what`. */
    readonly limits?: readonly string[];
  };
}

const folder = fileURLToPath(new URL('../../fixtures/topologies/', import.meta.url));

export const topologyNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

export function readTopology(name: string): TopologyFixture {
  return {
    name,
    ...(JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as object),
  } as TopologyFixture;
}

/** Lays the fixture out below a temporary directory, scans it with the native code and removes it. */
export function scanTopology(fixture: TopologyFixture): MachineDescription {
  const root = mkdtempSync(join(tmpdir(), 'memory-tiers-topology-'));
  try {
    for (const [path, content] of Object.entries(fixture.files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (path.endsWith('/')) mkdirSync(join(root, path));
      else writeFileSync(join(root, path), content);
    }
    for (const [path, target] of Object.entries(fixture.links)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      symlinkSync(target, join(root, path));
    }
    return inject(requireNative().describeMachine(root), fixture.inject ?? {});
  } finally {
    rmSync(root, { recursive: true });
  }
}

function inject(
  machine: MachineDescription,
  { permissions, freeBytes }: NonNullable<TopologyFixture['inject']>,
): MachineDescription {
  return {
    ...machine,
    permissions: permissions ?? machine.permissions,
    blocks: machine.blocks.map((block) => ({
      ...block,
      mounts: block.mounts.map((mount) => ({
        ...mount,
        freeBytes: freeBytes?.[mount.path] ?? mount.freeBytes,
      })),
    })),
  };
}
