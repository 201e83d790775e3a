/** `memory-tiers decisions`: asks the policies of a decision log once more. */

import type { PolicyParameters } from '../decisions/decision-format.ts';
import { type LoggedDecision, readDecisions } from '../decisions/read-decisions.ts';
import { findDifference, replan } from '../decisions/replan.ts';
import { UnitHistory } from '../decisions/unit-history.ts';
import { createPolicy, policyNames } from '../policy/policies.ts';
import type { Policy } from '../policy/policy.ts';
import {
  type Command,
  type CommandInput,
  countOption,
  defineCommand,
  type ExitCode,
  UsageError,
} from './command.ts';
import { writeJson } from './command-io.ts';
import { DecisionsReport, decisionsText } from './decisions-report.ts';
import { formatCount } from './format.ts';
import { Progress } from './progress.ts';

const options = {
  policy: {
    type: 'string',
    placeholder: 'NAME',
    help: 'Ask this policy instead, and show what it would have decided. Default: those that made the log.',
  },
  unit: {
    type: 'string',
    placeholder: 'ID',
    help: 'Tell what became of this unit (as in the moves), plan by plan, and why.',
  },
} as const;

/** The policy that made a decision, or the one that was named. */
class Policies {
  readonly #named: string | undefined;
  readonly #made = new Map<string, Policy>();

  constructor(named: string | undefined) {
    this.#named = named;
  }

  of(recorded: string, parameters: PolicyParameters): Policy {
    const name = this.#named ?? recorded;
    let policy = this.#made.get(name);
    if (policy === undefined) {
      policy = this.#make(name, parameters[name] ?? {});
      this.#made.set(name, policy);
    }
    return policy;
  }

  #make(name: string, parameters: Readonly<Record<string, unknown>>): Policy {
    if (this.#named === undefined && !(policyNames as readonly string[]).includes(name)) {
      throw new UsageError(
        `The log is of the policy "${name}", which is not one of this program.`,
        `--policy NAME shows what another one would have decided: ${policyNames.join(', ')}.`,
      );
    }
    return createPolicy(name, parameters);
  }
}

interface Settings {
  readonly policy: string | undefined;
  readonly unit: number | undefined;
}

async function runDecisions(
  { json, io, positionals: [file] }: CommandInput<typeof options>,
  { policy: named, unit }: Settings,
): Promise<ExitCode> {
  const policies = new Policies(named);
  const report = new DecisionsReport(file, named);
  const histories = new Map<string, UnitHistory>();
  /** Of the named policy, its own from plan to plan: it cannot read what another one kept. */
  const carries = new Map<string, unknown>();
  const progress = new Progress(io.stderr);
  const one = ({ number, decision, policies: parameters }: LoggedDecision): void => {
    progress.update(() => `${formatCount(number)} plans`);
    const policy = policies.of(decision.policy, parameters);
    const carry = named === undefined ? decision.snapshot.carry : carries.get(decision.policy);
    const now = replan(decision, policy, carry);
    if (named !== undefined) carries.set(decision.policy, now.plan.carry);
    report.add(number, decision, now, findDifference(decision, now));
    if (unit === undefined) return;
    let history = histories.get(decision.policy);
    if (history === undefined) {
      history = new UnitHistory(policy, () => unit);
      histories.set(decision.policy, history);
    }
    const { snapshot } = decision;
    history.observe(
      named === undefined ? decision : { ...decision, ...now, snapshot: { ...snapshot, carry } },
    );
  };
  try {
    for await (const logged of readDecisions(file)) one(logged);
  } finally {
    progress.clear();
  }
  const records = [...histories].map(([recorded, history]) => ({ recorded, ...history.record() }));
  const document = report.document(unit, records);
  if (json) writeJson(io.stdout, document);
  else io.stdout.write(decisionsText(document));
  return named === undefined && document.different > 0 ? 1 : 0;
}

/** The command. */
export const decisionsCommand: Command = defineCommand({
  name: 'decisions',
  summary: 'replay a log of decisions bit for bit, or with another policy',
  description:
    'Reads FILE, which "simulate --decisions FILE", "replay --decisions FILE" or a program with a DecisionLog wrote: ' +
    'every plan with all it was made from. Asks each policy once more and says whether it answers the same to the ' +
    'last bit; exit code 1 and the first difference when it does not.\n' +
    'With --policy the same questions go to another policy. Its plans are not carried out: each starts from where ' +
    'the recorded policy had put the data, with heat that cooled as that one asked.',
  positionals: ['FILE'],
  options,
  example: 'decisions decisions.jsonl.gz --policy lru',
  async run(input) {
    const { policy } = input.options;
    if (policy !== undefined) createPolicy(policy);
    const unit = countOption('unit', input.options.unit, { minimum: 0 });
    return await runDecisions(input, { policy, unit });
  },
});
