/** Monthly bills for people. */

import { formatCount, significant } from './format.ts';

/** The unit of prices that are relative to DDR. */
export const relativeUnit = 'GiB of DDR';

/** A bill with its unit; `unit` may be empty. */
export function formatBill(bill: number, unit: string): string {
  const text = bill >= 1000 ? formatCount(bill) : significant(bill);
  return unit === '' ? text : `${text} ${unit}`;
}
