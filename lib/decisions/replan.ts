/** Asks a policy once more, and says whether it answers the same. */

import type { Decision } from '../migration/decision.ts';
import { PolicyRunner } from '../migration/policy-runner.ts';
import type { Plan, Policy } from '../policy/policy.ts';
import { pack } from './plain-data.ts';

/** Where two answers differ first. */
export interface PlanDifference {
  /** E.g. `plan.moves[3].gainNs`. */
  readonly path: string;
  /** As JSON; undefined where there is nothing. */
  readonly recorded: string | undefined;
  readonly now: string | undefined;
}

/** A policy's answer now. */
export interface Replanned {
  readonly plan: Plan;
  readonly failure: string | undefined;
}

/** The answer of `policy` to what the recorded one was asked; never throws. `carry` replaces the recorded one's. */
export function replan(
  { snapshot, budget }: Decision,
  policy: Policy,
  carry: unknown = snapshot.carry,
): Replanned {
  const asked = new PolicyRunner(policy).plan({ ...snapshot, carry }, budget);
  return { plan: asked.answer, failure: asked.failure?.message };
}

/** Compares bit for bit; undefined when nothing differs. */
export function findDifference(recorded: Decision, now: Replanned): PlanDifference | undefined {
  const of = ({ plan, failure }: Replanned): unknown => pack({ plan, failure });
  return differenceAt('', of({ plan: recorded.plan, failure: recorded.failure }), of(now));
}

function differenceAt(path: string, a: unknown, b: unknown): PlanDifference | undefined {
  if (a === b) return undefined;
  if (!isTree(a) || !isTree(b) || Array.isArray(a) !== Array.isArray(b)) {
    return { path, recorded: shown(a), now: shown(b) };
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const below = Array.isArray(a) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    const found = differenceAt(below, a[key], b[key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const maxShown = 80;

function shown(value: unknown): string | undefined {
  const text = JSON.stringify(value);
  return text !== undefined && text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
