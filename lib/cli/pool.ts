/** `memory-tiers pool`: shared pools from the outside. */

import { type Command, countOption, defineCommand, UsageError } from './command.ts';
import { paintFor, writeJson } from './command-io.ts';
import { type PoolAction, type PoolRequest, poolActions } from './pool-actions.ts';

const names = Object.keys(poolActions).join(', ');

/** What each option is for; the others take none. */
const belongsTo: Readonly<Record<string, readonly string[]>> = {
  capacity: ['create', 'add-device'],
  name: ['create'],
  replicas: ['create'],
  coherence: ['create'],
  'max-members': ['create'],
  'max-objects': ['create'],
  overwrite: ['create', 'add-device'],
  device: ['add-device'],
  boot: ['reclaim'],
  force: ['destroy'],
};

function checkAction(action: string, options: Readonly<Record<string, unknown>>): PoolAction {
  if (!Object.hasOwn(poolActions, action)) {
    throw new UsageError(`There is no action "${action}".`, `One of ${names}.`);
  }
  for (const [option, actions] of Object.entries(belongsTo)) {
    const given = options[option] !== undefined && options[option] !== false;
    if (given && !actions.includes(action)) {
      throw new UsageError(`--${option} goes with ${actions.join(' and ')}, not with ${action}.`);
    }
  }
  return poolActions[action];
}

/** Makes, shows, checks, mends and destroys pools. */
export const poolCommand: Command = defineCommand({
  name: 'pool',
  summary: 'make, look at, check, mend and destroy shared pools',
  description:
    'Works on a pool that lies on one or several devices or files, while other processes use it.\n' +
    'create makes one; status shows devices, room and objects, members who has it open; check walks over everything and ' +
    'exits with 1 when something is damaged; scrub makes copies equal and anew; repair mends what is damaged, when ' +
    'nobody else has it open; add-device adds --device; reclaim takes back what the members of a host had that is off ' +
    'for good (--boot); destroy takes the pool away.\n' +
    'Devices that are not CXL memory are shown as simulated: a file in /dev/shm behaves the same and is as fast as ' +
    'ordinary memory.',
  positionals: ['ACTION', 'DEVICE'],
  repeatsLast: true,
  options: {
    capacity: {
      type: 'string',
      placeholder: 'SIZE',
      help: 'create, add-device: bytes of each device, e.g. 1GiB.',
    },
    name: { type: 'string', placeholder: 'NAME', help: 'create: its name.' },
    replicas: {
      type: 'string',
      placeholder: 'N',
      help: 'create: devices that each value is on, 1 or 2. Default 1.',
    },
    coherence: {
      type: 'string',
      placeholder: 'MODE',
      help: 'create: hardware (default), or software where several hosts have the device without CXL 3.0.',
    },
    'max-members': {
      type: 'string',
      placeholder: 'N',
      help: 'create: members at a time. Default 64.',
    },
    'max-objects': {
      type: 'string',
      placeholder: 'N',
      help: 'create: keys, about. Default 48000.',
    },
    overwrite: {
      type: 'boolean',
      help: 'create, add-device: over whatever is there, unless it is in use.',
    },
    device: { type: 'string', placeholder: 'PATH', help: 'add-device: the device to add.' },
    boot: { type: 'string', placeholder: 'BOOT', help: 'reclaim: the boot, as members shows it.' },
    force: { type: 'boolean', help: 'destroy: remove files although members have them open.' },
  },
  example: 'pool create /dev/shm/scores --capacity 64MiB',
  async run({ options, positionals, json, io }) {
    const [name, ...devices] = positionals;
    const action = checkAction(name, options);
    const replicas = countOption('replicas', options.replicas, { minimum: 1 });
    const maxMembers = countOption('max-members', options['max-members'], { minimum: 1 });
    const maxObjects = countOption('max-objects', options['max-objects'], { minimum: 1 });
    const request: PoolRequest = {
      devices,
      format: {
        ...(options.name !== undefined && { name: options.name }),
        ...(options.capacity !== undefined && { capacityBytes: options.capacity }),
        ...(replicas !== undefined && { replicas: replicas as 1 | 2 }),
        ...(options.coherence !== undefined && {
          coherence: options.coherence as 'hardware' | 'software',
        }),
        ...(maxMembers !== undefined && { maxMembers }),
        ...(maxObjects !== undefined && { maxObjects }),
      },
      overwrite: options.overwrite,
      device: options.device,
      boot: options.boot,
      force: options.force,
    };
    const { report, text, ok } = await action(request, paintFor(io.stdout, io.env));
    if (json) writeJson(io.stdout, report);
    else io.stdout.write(`${text.join('\n')}\n`);
    return ok ? 0 : 1;
  },
});
