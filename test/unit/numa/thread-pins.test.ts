import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { type PinBinding, ThreadPins } from '../../../lib/numa/thread-pins.ts';
import type { ThreadTarget } from '../../../lib/numa/thread-target.ts';

/** One thread as the kernel keeps it. */
class FakeThread implements PinBinding {
  cpus: readonly number[] = [0, 1, 2, 3];
  policy: { readonly mode: number; readonly nodes: readonly number[] } = { mode: 0, nodes: [] };
  /** Every call that changes something. */
  readonly log: string[] = [];
  refuses: Partial<Record<'cpus' | 'policy', TierError>> = {};
  absent: readonly number[] = [];

  threadCpus = (): readonly number[] => this.cpus;
  setThreadCpus = (thread: number, cpus: readonly number[]): void => {
    expect(thread).toBe(0);
    if (this.refuses.cpus !== undefined) throw this.refuses.cpus;
    if (cpus.length > 0 && cpus.every((cpu) => this.absent.includes(cpu))) {
      throw new TierError('ERR_TIER_UNAVAILABLE', 'none of them is left');
    }
    this.cpus = cpus.length === 0 ? [0, 1, 2, 3] : cpus;
    this.log.push(`cpus ${cpus.join(',')}`);
  };
  threadPolicy = () => this.policy;
  setThreadPolicy = (policy: typeof this.policy): void => {
    this.policy = policy;
    this.log.push(`policy ${policy.mode}`);
  };
  preferThreadMemory = (node: number): void => {
    if (this.refuses.policy !== undefined) throw this.refuses.policy;
    this.policy = { mode: 1, nodes: [node] };
    this.log.push(`prefer ${node}`);
  };
  startThreadPool = (): Promise<void> => {
    this.log.push(`pool on ${this.cpus.join(',')}`);
    return Promise.resolve();
  };
}

const node0: ThreadTarget = { cpus: [0, 1], node: 0, preferNode: undefined };
const node1: ThreadTarget = { cpus: [2, 3], node: 1, preferNode: undefined };
const all: ThreadTarget = { cpus: [0, 1, 2, 3], node: 0, preferNode: undefined };

let thread: FakeThread;
let pins: ThreadPins;
beforeEach(() => {
  thread = new FakeThread();
  pins = new ThreadPins(thread, () => [0, 1, 2, 3]);
});

describe('a pin', () => {
  it('lasts until the next one, and unpinned the thread has all CPUs, also later ones', () => {
    pins.pin(node1);
    expect(thread.cpus).toEqual([2, 3]);
    pins.pin(node0);
    expect(thread.cpus).toEqual([0, 1]);
    pins.unpin();
    expect(thread.log.at(-1)).toBe('cpus ');
    expect(pins.target).toBeUndefined();
  });

  it('starts the thread pool before, so that it is not pinned as well', () => {
    pins.pin(node1);
    expect(thread.log).toEqual(['pool on 0,1,2,3', 'cpus 2,3']);
    pins.pin(node0);
    expect(thread.log.slice(2)).toEqual(['cpus 0,1']);
  });

  it('to all CPUs asks nothing of the kernel', () => {
    pins.pin(all);
    pins.run(all, () => {});
    expect(thread.log).toEqual([]);
  });

  it('is lifted by unpin also when the thread inherited it', () => {
    thread.cpus = [2, 3];
    pins.unpin();
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
  });

  it('is made again where the kernel lifted it, as it does when all its CPUs go offline', () => {
    pins.pin(node1);
    thread.cpus = [0, 1, 2, 3];
    pins.pin(node1);
    expect(thread.cpus).toEqual([2, 3]);
  });

  it('that was never made is lifted without asking the kernel for anything', () => {
    pins.unpin();
    expect(thread.log).toEqual([]);
  });

  it('that is refused leaves the thread as it was, and tells what helps', () => {
    pins.pin(node0);
    thread.refuses = {
      cpus: new TierError('ERR_TIER_NO_PERMISSION', 'no', {
        syscall: 'sched_setaffinity',
        errno: 1,
      }),
    };
    expect(() => pins.pin(node1)).toThrowError(
      expect.objectContaining({
        code: 'ERR_TIER_NO_PERMISSION',
        errno: 1,
        hint: expect.stringMatching(/seccomp/),
      }),
    );
    expect(pins.target).toBe(node0);
    expect(thread.cpus).toEqual([0, 1]);
  });
});

describe('memory of the node', () => {
  const preferring = { ...node1, preferNode: 1 };

  it('is preferred while pinned so, and the policy of before comes back', () => {
    thread.policy = { mode: 3, nodes: [0, 1] };
    pins.pin(preferring);
    expect(thread.policy).toEqual({ mode: 1, nodes: [1] });
    pins.run(node0, () => expect(thread.policy).toEqual({ mode: 3, nodes: [0, 1] }));
    expect(thread.policy).toEqual({ mode: 1, nodes: [1] });
    pins.unpin();
    expect(thread.policy).toEqual({ mode: 3, nodes: [0, 1] });
  });

  it('that is refused leaves the CPUs alone too', () => {
    thread.refuses = { policy: new TierError('ERR_TIER_NO_PERMISSION', 'no') };
    expect(() => pins.run(preferring, () => expect.unreachable())).toThrow('no');
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
    expect(pins.target).toBeUndefined();
  });
});

describe('a run', () => {
  it('is pinned while it lasts, gives its result, and puts back what was', () => {
    pins.pin(node0);
    expect(pins.run(node1, () => thread.cpus)).toEqual([2, 3]);
    expect(thread.cpus).toEqual([0, 1]);
  });

  it('puts back what the thread inherited, and not more', () => {
    thread.cpus = [1, 2];
    pins.run(node0, () => {});
    expect(thread.cpus).toEqual([1, 2]);
  });

  it('puts back when the function throws', () => {
    expect(() =>
      pins.run(node1, () => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
  });

  it('of an async function lasts until its promise settles, either way', async () => {
    const kept = pins.run(node1, async () => {
      await turn();
      return thread.cpus;
    });
    expect(thread.cpus).toEqual([2, 3]);
    expect(await kept).toEqual([2, 3]);
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
    const failing = pins.run(node1, () => Promise.reject(new Error('mine')));
    await expect(failing).rejects.toThrow('mine');
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
  });

  it('inside a run counts until it ends', () => {
    pins.run(node0, () => {
      pins.run(node1, () => expect(thread.cpus).toEqual([2, 3]));
      expect(thread.cpus).toEqual([0, 1]);
    });
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
  });

  it('that overlaps others counts while it is the one begun last, in whatever order they end', async () => {
    const open: (() => void)[] = [];
    const wait = () => new Promise<void>((resolve) => open.push(resolve));
    const first = pins.run(node0, wait);
    const second = pins.run(node1, wait);
    expect(thread.cpus).toEqual([2, 3]);
    open[0]!();
    await first;
    expect(thread.cpus).toEqual([2, 3]);
    open[1]!();
    await second;
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
  });

  it('keeps its CPUs when the pin under it is lifted, and ends without one', () => {
    pins.pin(node0);
    pins.run(node1, () => {
      pins.unpin();
      expect(thread.cpus).toEqual([2, 3]);
    });
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
  });

  it('frees the thread when the CPUs it had are gone at the end', () => {
    thread.cpus = [3];
    pins.run(node0, () => {
      thread.absent = [3];
    });
    expect(thread.cpus).toEqual([0, 1, 2, 3]);
  });
});
