/** Decisions of an engine on a small store, for tests. */

import { DataMigrationEngine } from '../../../lib/migration/data-migration-engine.ts';
import type { Decision } from '../../../lib/migration/decision.ts';
import type { Policy } from '../../../lib/policy/policy.ts';
import { cxl, ddr, ModelTarget, nvme } from '../migration/model-target.ts';

/** Numbers in [0, 1), the same each time. */
export function random(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

/**
 * What `take` is told of `rounds` rounds over three tiers, whose accesses are skewed and shift half way. A decision is
 * valid while `take` runs.
 */
export async function runPolicy(
  policy: Policy,
  rounds: number,
  seed: number,
  take: (decision: Decision) => void,
): Promise<void> {
  const page = 4096;
  const target = new ModelTarget([ddr(40 * page), cxl(80 * page), nvme(1e9)]);
  const next = random(seed);
  const units = Array.from({ length: 300 }, () =>
    target.create(page * (1 + Math.floor(3 * next()))),
  );
  const engine = new DataMigrationEngine({
    target,
    policy,
    bytesPerSecond: Infinity,
    maxUnits: 200,
    onDecision: take,
  });
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 150; i++) {
      const rank = Math.floor(units.length * next() ** 3);
      const unit = units[(rank + (round < rounds / 2 ? 0 : 130)) % units.length];
      target.access(unit, next() < 0.3);
    }
    await engine.step({ maxBytes: round % 5 === 4 ? 20 * page : Infinity });
  }
  const { errors, lastError, policyErrors } = engine.stats();
  if (errors + policyErrors > 0) throw lastError ?? engine.stats().lastPolicyFailure;
}
