/** A pool's bytes as the values they were stored as. */

import { TierError } from '../errors.ts';
import { arrayTypes, copyOf, dataOf, type StoredData, viewOf } from '../memory/data.ts';
import { noPoolType, type PoolObjectKind } from './pool-binding.ts';

/** What can be read from a pool: a value, or what a counter is. Of a region its bytes. */
export type PoolData = StoredData | bigint;

/** Bytes of an object, and what the pool says they are. */
export interface PoolBytes {
  readonly key: string;
  readonly kind: PoolObjectKind;
  readonly type: number;
  readonly byteLength: number;
}

/** Kinds by the core's numbers. */
export const poolKinds: readonly (PoolObjectKind | undefined)[] = [
  undefined,
  'value',
  'region',
  'counter',
];

const stringTypeAtMost = 14;

/** Throws unless the bytes are of a type that this version knows, and as many as it has. */
export function checkPoolType({ key, type, byteLength }: PoolBytes): void {
  const size = type < arrayTypes.length ? arrayTypes[type].BYTES_PER_ELEMENT : 1;
  if (type <= stringTypeAtMost && byteLength % size === 0) return;
  const what = type === noPoolType ? 'not written by `put`' : `of type ${type}`;
  throw new TierError(
    'ERR_TIER_UNAVAILABLE',
    `The value of "${key}" is ${what}, which this version cannot read.`,
    { hint: 'Another program, or a newer version of memory-tiers, has written it.' },
  );
}

/** An object as a private copy. `own`: its bytes, at the start of a buffer that nobody else has. */
export function ownData(bytes: PoolBytes, own: Uint8Array): PoolData {
  if (bytes.kind === 'counter')
    return new DataView(own.buffer, own.byteOffset, 8).getBigInt64(0, true);
  if (bytes.kind === 'region') return own;
  checkPoolType(bytes);
  return bytes.type === 0 ? own : dataOf(bytes.type, own);
}

/** A private copy of an object that is seen in place. */
export function copiedData(bytes: PoolBytes, buffer: ArrayBuffer): PoolData {
  if (bytes.kind !== 'value') return ownData(bytes, new Uint8Array(buffer.slice(0)));
  checkPoolType(bytes);
  return copyOf(bytes.type, viewOf(bytes.type, buffer, 0, bytes.byteLength));
}
