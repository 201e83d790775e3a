/** What a series of decisions did with one unit, and why. */

import { explainUnits, type UnitExplanation } from '../explain/explain-plan.ts';
import type { Decision } from '../migration/decision.ts';
import { PolicyRunner } from '../migration/policy-runner.ts';
import type { Policy, UnitColumns } from '../policy/policy.ts';

/** Memory is bounded: of more moves than this the first are forgotten. */
const maxMoves = 64;

/** A move that a plan wanted. */
export interface UnitMove {
  /** Tracked accesses before it. */
  readonly accessClock: number;
  readonly explanation: UnitExplanation;
}

/** What is known of a unit after some decisions. */
export interface UnitRecord {
  /** Plans that considered it. */
  readonly considered: number;
  /** Moves that were planned, of which `moves` has the last ones. */
  readonly planned: number;
  readonly moves: readonly UnitMove[];
  /** Plans that left it where it was, by reason. */
  readonly stayed: Readonly<Record<string, number>>;
  /** The last word; undefined when no plan considered it. */
  readonly last: UnitMove | undefined;
}

/** Follows one unit. */
export class UnitHistory {
  readonly #policy: PolicyRunner;
  readonly #unit: (units: UnitColumns) => number | undefined;
  #considered = 0;
  #planned = 0;
  readonly #moves: UnitMove[] = [];
  readonly #stayed: Record<string, number> = {};
  #last: UnitMove | undefined;

  /** `unit` may become known later; `policy` is the one that decides: it is asked for the reasons a plan leaves out. */
  constructor(policy: Policy, unit: (units: UnitColumns) => number | undefined) {
    this.#policy = new PolicyRunner(policy);
    this.#unit = unit;
  }

  /** Takes the next decision. O(units of its snapshot), and a plan where the unit is among them. */
  readonly observe = (decision: Decision): void => {
    const { id, length } = decision.snapshot.units;
    const unit = this.#unit(decision.snapshot.units);
    const row = unit === undefined ? -1 : id.subarray(0, length).indexOf(unit);
    if (row < 0) return;
    const { snapshot, failure, budget } = decision;
    const plan = this.#explainedPlan(decision, id[row]);
    const explained = { snapshot, plan, failure, writeBytes: budget.writeBytes };
    const [explanation] = explainUnits([id[row]], explained) as [UnitExplanation];
    this.#considered++;
    this.#last = { accessClock: snapshot.accessClock, explanation };
    if (explanation.decision === 'stay') {
      this.#stayed[explanation.why] = (this.#stayed[explanation.why] ?? 0) + 1;
      return;
    }
    this.#planned++;
    this.#moves.push(this.#last);
    if (this.#moves.length > maxMoves) this.#moves.shift();
  };

  record(): UnitRecord {
    return {
      considered: this.#considered,
      planned: this.#planned,
      moves: [...this.#moves],
      stayed: { ...this.#stayed },
      last: this.#last,
    };
  }

  /** Plans are pure: asked again, the policy names whom it kept and changes nothing else. */
  #explainedPlan({ snapshot, budget, plan, failure }: Decision, unit: number): Decision['plan'] {
    const known = plan.refusals !== undefined || plan.moves.some((move) => move.unit === unit);
    if (known || failure !== undefined) return plan;
    return this.#policy.plan(snapshot, { ...budget, explain: true }).answer;
  }
}
