/**
 * Policy and tier settings from a JSON file:
 *
 * ```json
 * { "policy": "balanced", "directory": "/mnt/nvme/app", "tiers": [{ "name": "L1_DDR", "capacityBytes": "4GiB" }] }
 * ```
 *
 * `policy` is a name, or an object with a `name` and that policy's own parameters.
 */

import { readFileSync } from 'node:fs';
import { TierError } from '../errors.ts';
import { systemErrorDetails } from '../system-error.ts';
import { locateJsonError } from './json-location.ts';
import { checkKeys, checkObject, checkPath } from './option-checks.ts';
import { type CheckedTierOptions, checkTierOptions } from './tier-options.ts';

/** The policy a file asks for. Parameters are checked by the policy itself. */
export interface PolicySettings {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What a policy file says; what it does not say is absent. */
export interface PolicyFile {
  readonly path: string;
  readonly policy?: PolicySettings;
  readonly directory?: string;
  readonly tiers?: readonly CheckedTierOptions[];
}

const fileKeys = ['policy', 'directory', 'tiers'] as const;

function malformed(path: string, where: string, what: string, cause: unknown): TierError {
  return new TierError(
    'ERR_TIER_CONFIG',
    `Policy file "${path}" is malformed at ${where}: ${what}`,
    {
      hint: `It is JSON with the keys ${fileKeys.join(', ')}, all optional.`,
      cause,
    },
  );
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { message } = cause as Error;
    throw new TierError('ERR_TIER_CONFIG', `Policy file "${path}" could not be read: ${message}`, {
      hint: 'Check the path and its permissions.',
      ...systemErrorDetails(cause),
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const location = locateJsonError(text);
    const where =
      location === null ? 'its end' : `line ${location.line}, column ${location.column}`;
    throw malformed(path, where, (cause as Error).message, cause);
  }
}

function checkPolicy(value: unknown): PolicySettings {
  if (typeof value === 'string') return { name: checkPath('file.policy', value), parameters: {} };
  const { name, ...parameters } = checkObject('file.policy', value);
  return { name: checkPath('file.policy.name', name), parameters };
}

/** `file.tiers[1].node` as the JSON pointer `/tiers/1/node`. */
function pointerOf(name: string): string {
  const pointer = name
    .replace(/^file/, '')
    .replaceAll(/\[(\d+)\]/g, '/$1')
    .replaceAll('.', '/');
  return pointer === '' ? 'its root' : pointer;
}

/**
 * Reads a policy file.
 *
 * @throws TierError `ERR_TIER_CONFIG` with the line, or the JSON pointer, of what is wrong
 */
export function readPolicyFile(path: string): PolicyFile {
  const json = readJson(path);
  try {
    const file = checkObject('file', json);
    checkKeys('file', file, fileKeys);
    return {
      path,
      ...(file.policy !== undefined && { policy: checkPolicy(file.policy) }),
      ...(file.directory !== undefined && {
        directory: checkPath('file.directory', file.directory),
      }),
      ...(file.tiers !== undefined && { tiers: checkTierOptions('file.tiers', file.tiers) }),
    };
  } catch (cause) {
    const { message } = cause as Error;
    const name = /^"([^"]*)" /.exec(message)?.[1] ?? 'file';
    throw malformed(path, pointerOf(name), message.slice(name.length + 3), cause);
  }
}
