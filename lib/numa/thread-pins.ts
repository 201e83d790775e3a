/**
 * Where this thread runs, by everybody's wish: one pin that lasts, and runs that end. There is one for each thread
 * (main or worker), because what is pinned is the thread and not a piece of code.
 */

import { TierError } from '../errors.ts';
import type { NumaBinding, ThreadPolicy } from './numa-binding.ts';
import type { ThreadTarget } from './thread-target.ts';

/** What the pins ask the addon. */
export type PinBinding = Pick<
  NumaBinding,
  | 'threadCpus'
  | 'setThreadCpus'
  | 'threadPolicy'
  | 'setThreadPolicy'
  | 'preferThreadMemory'
  | 'startThreadPool'
>;

const refusedHint =
  'Docker, Kubernetes and systemd can filter sched_setaffinity and set_mempolicy (seccomp): allow them, in Docker ' +
  'with `--cap-add SYS_NICE` for set_mempolicy, or place the whole process from outside with `numactl`.';

/** The native error with what helps against it. */
function explained(error: unknown): unknown {
  if (!(error instanceof TierError) || error.hint !== undefined) return error;
  const { code, message, syscall, errno } = error;
  const hint =
    code === 'ERR_TIER_NO_PERMISSION'
      ? refusedHint
      : code === 'ERR_TIER_UNAVAILABLE'
        ? 'CPUs or the cpuset changed just now: look at `topology` again.'
        : undefined;
  return hint === undefined
    ? error
    : new TierError(code, message, { hint, syscall, errno, cause: error });
}

/** How the thread was before anybody pinned it here. `null` CPUs: wherever the process may run. */
interface Before {
  cpus: readonly number[] | null;
  policy: ThreadPolicy | undefined;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** The pins of one thread. The run begun last counts, then the pin, then how the thread was before. */
export class ThreadPins {
  readonly #native: PinBinding;
  readonly #allowedCpus: () => readonly number[];
  readonly #runs: ThreadTarget[] = [];
  #pin: ThreadTarget | undefined;
  #before: Before | undefined;
  /** Whether the thread's CPUs were set since {@link #before}. */
  #bound = false;
  #preferred: number | undefined;
  #poolStarted = false;

  /** `allowedCpus`: those the process may use. A thread that had all of them gets all there are then back. */
  constructor(native: PinBinding, allowedCpus: () => readonly number[]) {
    this.#native = native;
    this.#allowedCpus = allowedCpus;
  }

  /** What counts now; undefined when nothing was asked of this thread. */
  get target(): ThreadTarget | undefined {
    return this.#runs.at(-1) ?? this.#pin;
  }

  /** Pins until {@link unpin} or the next pin. All or nothing. */
  pin(target: ThreadTarget): void {
    const earlier = this.#pin;
    this.#pin = target;
    this.#applyOr(() => {
      this.#pin = earlier;
    });
  }

  /**
   * Lets the thread run wherever the process may, whoever pinned it: also what it inherited. Runs under way stay
   * pinned until they end.
   */
  unpin(): void {
    this.#pin = undefined;
    if (this.#before === undefined) {
      if (same(this.#native.threadCpus(0), this.#allowedCpus())) return;
      this.#before = { cpus: null, policy: undefined };
    }
    this.#before.cpus = null;
    this.#bound = true;
    try {
      this.#apply();
    } catch (error) {
      throw explained(error);
    }
  }

  /** Calls `fn` pinned; of a promise, until it settles. */
  run<T>(target: ThreadTarget, fn: () => T): T {
    // An object of its own: the same target may be run twice at a time.
    const run = { ...target };
    this.#runs.push(run);
    this.#applyOr(() => this.#remove(run));
    let pending = false;
    try {
      const result = fn();
      if (!isThenable(result)) return result;
      pending = true;
      return Promise.resolve(result).finally(() => this.#end(run)) as T;
    } finally {
      if (!pending) this.#end(run);
    }
  }

  #end(run: ThreadTarget): void {
    this.#remove(run);
    this.#apply();
  }

  #remove(run: ThreadTarget): void {
    this.#runs.splice(this.#runs.indexOf(run), 1);
  }

  /** Applies what counts now; when that fails, undoes the wish and what was half done, and throws. */
  #applyOr(undo: () => void): void {
    try {
      this.#apply();
    } catch (error) {
      undo();
      try {
        this.#apply();
      } catch {
        // The first error says what is wrong; whatever refused the new state may refuse the old one.
      }
      throw explained(error);
    }
  }

  #apply(): void {
    const { target } = this;
    if (target === undefined) {
      this.#restore();
      return;
    }
    // Asked each time: the kernel unpins threads whose CPUs all go offline, and others may pin them too.
    const cpus = this.#native.threadCpus(0);
    this.#before ??= {
      cpus: same(cpus, this.#allowedCpus()) ? null : cpus,
      policy: undefined,
    };
    this.#setPreferred(this.#before, target.preferNode);
    if (same(cpus, target.cpus)) return;
    this.#startPool();
    this.#native.setThreadCpus(0, target.cpus);
    this.#bound = true;
  }

  #restore(): void {
    const before = this.#before;
    if (before === undefined) return;
    this.#setPreferred(before, undefined);
    if (this.#bound) {
      try {
        this.#native.setThreadCpus(0, before.cpus ?? []);
      } catch (error) {
        // The cpuset moved away meanwhile.
        if (before.cpus === null || (error as TierError).code !== 'ERR_TIER_UNAVAILABLE')
          throw error;
        this.#native.setThreadCpus(0, []);
      }
    }
    this.#before = undefined;
    this.#bound = false;
  }

  #setPreferred(before: Before, node: number | undefined): void {
    if (node === this.#preferred) return;
    if (node !== undefined) {
      before.policy ??= this.#native.threadPolicy();
      this.#native.preferThreadMemory(node);
    } else if (before.policy !== undefined) {
      this.#native.setThreadPolicy(before.policy);
      before.policy = undefined;
    }
    this.#preferred = node;
  }

  /** Threads begin with the CPUs of the thread that starts them, and libuv's pool with those of its first user. */
  #startPool(): void {
    if (this.#poolStarted) return;
    this.#poolStarted = true;
    this.#native.startThreadPool().catch(() => {}); // It is about the threads, which are there by now.
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
