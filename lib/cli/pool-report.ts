/** What `memory-tiers pool` prints. */

import type { PoolCheck, PoolMemberReport, PoolRepair, PoolScrub } from '../pool/pool-binding.ts';
import type { PoolStats } from '../pool/pool-stats.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import type { Paint } from './command-io.ts';
import { formatCount, formatShare } from './format.ts';
import { table } from './table.ts';
import { limitLines } from './topology-report.ts';

/** A pool as `status` shows it. */
export interface PoolStatus extends Omit<PoolStats, 'own'> {
  readonly objects: {
    readonly value: number;
    readonly region: number;
    readonly counter: number;
    /** Of all of them. */
    readonly bytes: number;
  };
  readonly members: number;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A pool's devices, room and contents. */
export function statusLines(status: PoolStatus, paint: Paint): string[] {
  const { objects, devices, replicas, coherence } = status;
  const wrong = devices.some(({ why }) => why !== '');
  const rows = devices.map((device) => [
    String(device.ordinal),
    device.path,
    device.medium,
    device.state === 'good' ? paint.green('good') : paint.red(device.state),
    formatBytes(device.capacityBytes),
    formatBytes(device.freeBytes),
    device.failureDomain === '' ? '-' : device.failureDomain,
    ...(wrong ? [device.why] : []),
  ]);
  const heading = ['device', 'path', 'memory', 'state', 'capacity', 'free', 'fails with'];
  const used = objects.value + objects.region + objects.counter;
  return [
    `${paint.bold(status.name === '' ? 'pool' : status.name)}  ${status.kind}, ${coherence} coherence, ` +
      `${counted(replicas, 'replica')}, ${counted(status.members, 'member')} of ${status.maxMembers}`,
    '',
    ...table([...heading, ...(wrong ? ['why'] : [])], rows, [
      'right',
      'left',
      'left',
      'left',
      'right',
      'right',
      'left',
      'left',
    ]),
    '',
    `${counted(objects.value, 'value')}, ${counted(objects.region, 'region')} and ` +
      `${counted(objects.counter, 'counter')}: ${formatBytes(objects.bytes)}; ` +
      `${formatShare(used / status.directorySlots)} of the directory`,
    ...limitLines(status.limits, paint),
  ];
}

function standing({ alive, suspect, sameHost }: PoolMemberReport, paint: Paint): string {
  if (!alive) return paint.red('dead');
  if (suspect) return paint.red('silent');
  return paint.green(sameHost ? 'alive' : 'maybe');
}

/** Who has the pool open. */
export function memberLines(members: readonly PoolMemberReport[], paint: Paint): string[] {
  if (members.length === 0) return ['Nobody has the pool open.'];
  const rows = members.map((member) => [
    String(member.index),
    String(member.process),
    member.sameHost ? 'this one' : 'another',
    member.boot,
    standing(member, paint),
    formatCount(member.held),
    formatBytes(member.ownedBytes),
  ]);
  const heading = ['member', 'process', 'host', 'boot', 'alive', 'held', 'owns'];
  return table(heading, rows, ['right', 'right', 'left', 'left', 'left', 'right', 'right']);
}

/** What a check found. */
export function checkLines(check: PoolCheck, paint: Paint): string[] {
  const copies = [
    ...(check.missingCopies > 0
      ? [`${counted(check.missingCopies, 'copy', 'copies')} missing`]
      : []),
    ...(check.unequalCopies > 0
      ? [`${counted(check.unequalCopies, 'copy', 'copies')} unequal`]
      : []),
  ];
  return [
    check.clean
      ? `${paint.green('sound')}  ${counted(check.objects, 'object')}, nothing is damaged`
      : `${paint.red('damaged')}  ${counted(check.objects, 'object')}, ${counted(check.damages, 'damage')}`,
    ...(copies.length > 0 ? [`${copies.join(', ')}: scrub makes them`] : []),
    ...check.findings.map((finding) => `  ${finding}`),
  ];
}

/** What a scrub did. */
export function scrubLines(scrub: PoolScrub, paint: Paint): string[] {
  return [
    `${counted(scrub.objects, 'object')} of ${formatBytes(scrub.bytes)}: ` +
      `${formatCount(scrub.damaged)} damaged, ${formatCount(scrub.copied)} copied anew, ` +
      `${formatCount(scrub.removed)} removed`,
    ...(scrub.missingCopies > 0
      ? [
          `${counted(scrub.missingCopies, 'copy', 'copies')} could not be made: no room, or no device`,
        ]
      : []),
    ...(scrub.lost > 0 ? [paint.red(`${counted(scrub.lost, 'value')} lost:`)] : []),
    ...scrub.lostKeys.map((key) => `  ${JSON.stringify(key)}`),
  ];
}

/** What a repair did. */
export function repairLines(repair: PoolRepair, paint: Paint): string[] {
  return [
    `${counted(repair.mended, 'word')} mended, ${counted(repair.lost, 'copy', 'copies')} lost`,
    ...repair.keys.map((key) => `  ${JSON.stringify(key)}`),
    ...scrubLines(repair.scrub, paint),
    ...checkLines(repair.check, paint),
  ];
}
