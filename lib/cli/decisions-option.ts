/** The option of commands that can write a log of decisions. */

import type { OptionSpec } from './command.ts';

/** `--decisions FILE`. */
export const decisionsOption: OptionSpec & { readonly type: 'string' } = {
  type: 'string',
  placeholder: 'FILE',
  help:
    'Write every plan with all it was made from to FILE (JSON lines; packed when it ends in .gz), for ' +
    '"memory-tiers decisions".',
};
