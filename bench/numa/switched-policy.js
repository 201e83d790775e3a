/** The default policy with its choice of nodes on and off. */

import { balancedPolicy } from '../../dist/policy/balanced.js';
import { nearUser } from '../../dist/policy/near-user.js';

/** Its plans are made and not carried out, so that every round finds the same. */
export function switchedPolicy() {
  const plain = balancedPolicy();
  const near = nearUser(plain);
  let isOn = true;
  return {
    toggle: (on) => {
      isOn = on;
    },
    policy: {
      ...near,
      plan: (snapshot, budget) => ({ ...(isOn ? near : plain).plan(snapshot, budget), moves: [] }),
    },
  };
}
