import { existsSync } from 'node:fs';

const share = '/run/machine/share';

/** A folder that both machines of a boot see: the share of the second one. */
export function commonFolder(): string {
  return existsSync(`${share}/peer`) ? `${share}/peer` : share;
}
