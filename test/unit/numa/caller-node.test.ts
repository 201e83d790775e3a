import { describe, expect, it } from 'vitest';
import { CallerNode } from '../../../lib/numa/caller-node.ts';
import type { ThreadTarget } from '../../../lib/numa/thread-target.ts';

function makeCaller() {
  const thread: { node: number; target: ThreadTarget | undefined; looks: number } = {
    node: 0,
    target: undefined,
    looks: 0,
  };
  const caller = new CallerNode(
    () => {
      thread.looks++;
      return thread.node;
    },
    () => thread.target,
  );
  return { thread, caller };
}

const pinnedTo = (node: number | null): ThreadTarget => ({
  cpus: [2 * (node ?? 0)],
  node,
  preferNode: undefined,
});

describe('the node of the calling thread', () => {
  it('is asked of the kernel once in thirty-two questions', () => {
    const { thread, caller } = makeCaller();
    for (let i = 0; i < 320; i++) expect(caller.get()).toBe(0);
    expect(thread.looks).toBe(10);
  });

  it('is seen to change within as many', () => {
    const { thread, caller } = makeCaller();
    caller.get();
    thread.node = 1;
    expect(Array.from({ length: 32 }, () => caller.get()).at(-1)).toBe(1);
  });

  it('is known at once and without a question when the thread is pinned, and when it no longer is', () => {
    const { thread, caller } = makeCaller();
    expect(caller.get()).toBe(0);
    thread.target = pinnedTo(1);
    expect(caller.get()).toBe(1);
    expect(thread.looks).toBe(1);
    thread.target = pinnedTo(2);
    expect(caller.get()).toBe(2);
    expect(thread.looks).toBe(1);
    thread.target = undefined;
    expect(caller.get()).toBe(0);
    expect(thread.looks).toBe(2);
  });

  it('is asked for when the thread is pinned to several nodes', () => {
    const { thread, caller } = makeCaller();
    thread.target = pinnedTo(null);
    thread.node = 3;
    expect(caller.get()).toBe(3);
  });

  it('can be looked for at any time', () => {
    const { thread, caller } = makeCaller();
    caller.get();
    thread.node = 1;
    expect(caller.look()).toBe(1);
    expect(caller.get()).toBe(1);
  });
});
