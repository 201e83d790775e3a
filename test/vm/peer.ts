/** What the second machine of a boot runs: it does what the first one asks, until its power is cut. */

import { serve } from './support/requests.ts';

await serve('/run/machine/share/deeds', async ({ module, name, args }) => {
  const functions = await import(`./support/${module}.js`);
  return functions[name as string](...(args as unknown[]));
});
