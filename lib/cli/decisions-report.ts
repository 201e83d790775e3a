/** What `decisions` found: sums over the plans of a log, and of the answers to the same questions now. */

import type { PlanDifference, Replanned } from '../decisions/replan.ts';
import type { UnitRecord } from '../decisions/unit-history.ts';
import type { Decision } from '../migration/decision.ts';
import type { Move } from '../policy/policy.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import { unitRecordLines } from './explain-text.ts';
import { formatCount, formatNs } from './format.ts';
import { table } from './table.ts';

/** Plans in sums. */
export interface PlanTotals {
  readonly moves: number;
  readonly promotions: number;
  readonly bytesMoved: number;
  readonly gainNs: number;
  readonly costNs: number;
  /** Units kept back, by what kept them; once for each plan. */
  readonly refused: Readonly<Record<string, number>>;
  readonly failures: number;
}

/** The first plan that is not as it was. */
export interface FirstDifference extends PlanDifference {
  /** Number of the plan in the log, from 1. */
  readonly plan: number;
  readonly policy: string;
  readonly accessClock: number;
}

/** Result of `memory-tiers decisions --json`. */
export interface DecisionsDocument {
  readonly file: string;
  /** The policies of the log. */
  readonly recordedPolicies: readonly string[];
  /** The policy that was asked instead; null: the same ones. */
  readonly policy: string | null;
  readonly plans: number;
  readonly unitsConsidered: number;
  /** Plans that are equal bit for bit, and those that are not. */
  readonly same: number;
  readonly different: number;
  readonly first: FirstDifference | null;
  /** Moves of the same unit to the same tier in the same plan. */
  readonly sameMoves: number;
  readonly recorded: PlanTotals;
  readonly now: PlanTotals;
  /** With `--unit`: its history under each recorded policy. */
  readonly unit?: number;
  readonly histories?: readonly (UnitRecord & { readonly recorded: string })[];
}

class Totals implements PlanTotals {
  moves = 0;
  promotions = 0;
  bytesMoved = 0;
  gainNs = 0;
  costNs = 0;
  readonly refused: Record<string, number> = {};
  failures = 0;

  add({ plan, failure }: Pick<Decision, 'plan' | 'failure'>): void {
    for (const move of plan.moves) {
      this.moves++;
      if (move.to < move.from) this.promotions++;
      this.bytesMoved += move.bytes;
      this.gainNs += move.gainNs;
      this.costNs += move.costNs;
    }
    for (const [why, count] of Object.entries(plan.refused)) {
      this.refused[why] = (this.refused[why] ?? 0) + count;
    }
    if (failure !== undefined) this.failures++;
  }
}

/** Adds it all up. */
export class DecisionsReport {
  readonly #file: string;
  readonly #policy: string | undefined;
  readonly #recordedPolicies = new Set<string>();
  readonly #recorded = new Totals();
  readonly #now = new Totals();
  #plans = 0;
  #units = 0;
  #different = 0;
  #sameMoves = 0;
  #first: FirstDifference | undefined;

  constructor(file: string, policy: string | undefined) {
    this.#file = file;
    this.#policy = policy;
  }

  add(
    number: number,
    recorded: Decision,
    now: Replanned,
    difference: PlanDifference | undefined,
  ): void {
    const { policy, snapshot } = recorded;
    this.#plans++;
    this.#units += snapshot.units.length;
    this.#recordedPolicies.add(policy);
    this.#recorded.add(recorded);
    this.#now.add(now);
    this.#sameMoves += countSame(recorded.plan.moves, now.plan.moves);
    if (difference === undefined) return;
    this.#different++;
    this.#first ??= { plan: number, policy, accessClock: snapshot.accessClock, ...difference };
  }

  document(
    unit: number | undefined,
    histories: NonNullable<DecisionsDocument['histories']>,
  ): DecisionsDocument {
    return {
      file: this.#file,
      recordedPolicies: [...this.#recordedPolicies],
      policy: this.#policy ?? null,
      plans: this.#plans,
      unitsConsidered: this.#units,
      same: this.#plans - this.#different,
      different: this.#different,
      first: this.#first ?? null,
      sameMoves: this.#sameMoves,
      recorded: { ...this.#recorded },
      now: { ...this.#now },
      ...(unit === undefined ? {} : { unit, histories }),
    };
  }
}

function countSame(recorded: readonly Move[], now: readonly Move[]): number {
  const targets = new Map(recorded.map(({ unit, to }) => [unit, to]));
  return now.filter(({ unit, to }) => targets.get(unit) === to).length;
}

function verdict(document: DecisionsDocument): string {
  const { plans, different, first } = document;
  if (plans === 0) return 'There is no decision in it.';
  if (first === null) return `All ${formatCount(plans)} plans are the same, bit for bit.`;
  return (
    `${formatCount(different)} of ${formatCount(plans)} plans differ, first number ${formatCount(first.plan)} ` +
    `(${first.policy}, at ${formatCount(first.accessClock)} accesses): ${first.path} was ` +
    `${first.recorded ?? 'nothing'} and is ${first.now ?? 'nothing'}.`
  );
}

function comparison({ recorded, now, sameMoves, policy }: DecisionsDocument): string[] {
  const reasons = new Set([...Object.keys(recorded.refused), ...Object.keys(now.refused)]);
  const row = (label: string, cell: (totals: PlanTotals) => string): string[] => [
    label,
    cell(recorded),
    cell(now),
  ];
  const rows = [
    row('moves', ({ moves }) => formatCount(moves)),
    ['  the same in both', '', formatCount(sameMoves)],
    row('  upwards', ({ promotions }) => formatCount(promotions)),
    row('bytes', ({ bytesMoved }) => formatBytes(bytesMoved)),
    row('predicted gain', ({ gainNs }) => formatNs(gainNs)),
    row('modelled cost', ({ costNs }) => formatNs(costNs)),
    ...[...reasons].map((why) =>
      row(`kept: ${why}`, ({ refused }) => formatCount(refused[why] ?? 0)),
    ),
    row('failed plans', ({ failures }) => formatCount(failures)),
  ];
  return table(['', 'recorded', policy ?? 'now'], rows, ['left', 'right', 'right']);
}

/** The document as text. */
export function decisionsText(document: DecisionsDocument): string {
  const { file, recordedPolicies, plans, unitsConsidered, policy, different, unit } = document;
  const lines = [
    `${file}: ${formatCount(plans)} plans of ${recordedPolicies.join(', ') || 'no policy'}, ` +
      `${formatCount(unitsConsidered)} units considered, ${formatCount(document.recorded.moves)} moves`,
    verdict(document),
  ];
  if (policy !== null || different > 0) lines.push('', ...comparison(document));
  for (const { recorded, ...record } of document.histories ?? []) {
    const asked = policy === null ? '' : `, asked about ${recorded}'s`;
    lines.push('', ...unitRecordLines(`unit ${unit} under ${policy ?? recorded}${asked}`, record));
  }
  return `${lines.join('\n')}\n`;
}
