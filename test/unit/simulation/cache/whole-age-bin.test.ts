import { expect, test } from 'vitest';
import { ageBin } from '../../../../lib/policy/use-class.ts';
import { wholeAgeBin } from '../../../../lib/simulation/cache/whole-age-bin.ts';

test('whole ages fall in the bins of all ages', () => {
  for (let age = 0; age < 5000; age++) expect(wholeAgeBin(age)).toBe(ageBin(age));
  for (let octave = 12; octave < 40; octave++) {
    for (const factor of [1, 1.4, 1.42, 1.99]) {
      const age = Math.round(factor * 2 ** octave);
      expect(wholeAgeBin(age)).toBe(ageBin(age));
    }
  }
});
