/** Files of /proc for a process with threads and memory; beside {@link machineFiles}. */

export interface ThreadShape {
  readonly id: number;
  readonly name?: string;
  readonly cpu: number;
  readonly cpus: string;
  readonly ticks: number;
}

/** A thread's two files. */
export function threadFiles(pid: number, thread: ThreadShape): Record<string, string> {
  const { id, name = 'node', cpu, cpus, ticks } = thread;
  const path = `/proc/${pid}/task/${id}`;
  const fields = Array.from({ length: 50 }, (_, i) => {
    if (i + 3 === 3) return 'S';
    return String(i + 3 === 14 ? ticks : i + 3 === 39 ? cpu : 0);
  });
  return {
    [`${path}/stat`]: `${id} (${name}) ${fields.join(' ')}\n`,
    [`${path}/status`]: `Name:\t${name}\nCpus_allowed_list:\t${cpus}\n`,
  };
}

/** Pages of 4 KiB by node, with or without a policy. */
export interface MappingShape {
  readonly policy?: string;
  readonly pages: Readonly<Record<number, number>>;
}

export function memoryFile(pid: number, mappings: readonly MappingShape[]): Record<string, string> {
  const lines = mappings.map(({ policy = 'default', pages }, index) => {
    const words = Object.entries(pages).map(([node, count]) => `N${node}=${count}`);
    return `7f00${index}0000000 ${policy} anon=1 ${words.join(' ')} kernelpagesize_kB=4`;
  });
  return { [`/proc/${pid}/numa_maps`]: `${lines.join('\n')}\n` };
}

export function numastatFile(
  node: number,
  counts: { readonly local?: number; readonly other?: number; readonly foreign?: number },
): Record<string, string> {
  const { local = 0, other = 0, foreign = 0 } = counts;
  return {
    [`/sys/devices/system/node/node${node}/numastat`]:
      `numa_hit ${local + other}\nnuma_miss 0\nnuma_foreign ${foreign}\ninterleave_hit 0\n` +
      `local_node ${local}\nother_node ${other}\n`,
  };
}
