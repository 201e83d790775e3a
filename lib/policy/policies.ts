/** The shipped policies by name, made from parameters that may come from a file. */

import { invalidValue } from '../errors.ts';
import { checkKeys, checkObject, nearestWord } from '../tiers/option-checks.ts';
import { balancedDefaults, balancedPolicy } from './balanced.ts';
import { lruPolicy } from './lru.ts';
import { checkParameter } from './parameter.ts';
import type { Policy } from './policy.ts';
import { staticPolicy } from './static.ts';

/** Names of the shipped policies. */
export const policyNames = ['balanced', 'lru', 'static'] as const;

/** One of {@link policyNames}. */
export type PolicyName = (typeof policyNames)[number];

const factories: Readonly<
  Record<PolicyName, (parameters: Readonly<Record<string, unknown>>) => Policy>
> = {
  balanced: (given) => {
    checkKeys('policy', given, Object.keys(balancedDefaults));
    return balancedPolicy({
      halfLifeTurns: checkParameter(
        given,
        'halfLifeTurns',
        balancedDefaults.halfLifeTurns,
        0.1,
        1e6,
      ),
      margin: checkParameter(given, 'margin', balancedDefaults.margin, 0, 1e6),
      moveWeight: checkParameter(given, 'moveWeight', balancedDefaults.moveWeight, 0, 1e6),
    });
  },
  lru: (given) => {
    checkKeys('policy', given, []);
    return lruPolicy();
  },
  static: (given) => {
    checkKeys('policy', given, []);
    return staticPolicy();
  },
};

/**
 * Makes a shipped policy.
 *
 * @param parameters the policy's own parameters; what is left out has its default
 * @throws RangeError for an unknown name, an unknown parameter or a value out of range; TypeError for a wrong type
 */
export function createPolicy(
  name: PolicyName | (string & {}),
  parameters: Readonly<Record<string, unknown>> = {},
): Policy {
  const factory = Object.hasOwn(factories, name) ? factories[name as PolicyName] : undefined;
  if (factory === undefined) {
    const guess = nearestWord(String(name), policyNames);
    const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
    throw invalidValue('policy', `one of ${policyNames.join(', ')}${hint}`, name);
  }
  return factory(checkObject('policy', parameters));
}
