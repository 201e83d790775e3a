/** The values that can be stored, and how each becomes bytes and a view again. */

import { invalidType } from '../errors.ts';

/** The typed arrays a value or a region can be. */
export type TypedArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** Constructor of one of the {@link TypedArray}s. */
export interface TypedArrayConstructor<V extends TypedArray = TypedArray> {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): V;
}

/** Anything `store` takes. What is read back is of the same type. */
export type StoredData = TypedArray | DataView | ArrayBuffer | Buffer | string;

/** What is read back for a stored `T`: any string for a string, not just the one that was stored. */
export type Stored<T extends StoredData> = T extends string ? string : T;

/** Name of a stored type, as `Handle.type` reports it. */
export type DataType =
  | 'Uint8Array'
  | 'Uint8ClampedArray'
  | 'Int8Array'
  | 'Uint16Array'
  | 'Int16Array'
  | 'Uint32Array'
  | 'Int32Array'
  | 'Float32Array'
  | 'Float64Array'
  | 'BigInt64Array'
  | 'BigUint64Array'
  | 'DataView'
  | 'ArrayBuffer'
  | 'Buffer'
  | 'string';

/** The zero-copy view of a stored `T`: strings and ArrayBuffers are seen as their (UTF-8) bytes. */
export type ViewOf<T extends StoredData> = T extends string | ArrayBuffer ? Uint8Array : T;

/** Types by code; the code is what an object's record keeps (4 bits). */
const types: readonly DataType[] = [
  'Uint8Array',
  'Uint8ClampedArray',
  'Int8Array',
  'Uint16Array',
  'Int16Array',
  'Uint32Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'DataView',
  'ArrayBuffer',
  'Buffer',
  'string',
];

/** Constructors of the typed arrays a value or a region can be, in the order of their codes. */
export const arrayTypes: readonly TypedArrayConstructor[] = [
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

const dataViewCode = 11;
const arrayBufferCode = 12;
const bufferCode = 13;
/** Code of a string, stored as UTF-8. */
export const stringCode = 14;

/** Codes of the usual views by constructor; the rest are found by their tag. */
const codes: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ...arrayTypes.map((type, code) => [type, code] as const),
  [DataView, dataViewCode],
  [Buffer, bufferCode],
]);

/** Name of the type with this code. */
export function typeName(code: number): DataType {
  return types[code] as DataType;
}

/** Code of a typed array's constructor. Throws `ERR_INVALID_ARG_TYPE` for anything else. */
export function constructorCode(type: unknown, name: string): number {
  const code = arrayTypes.indexOf(type as TypedArrayConstructor);
  if (code < 0) throw invalidType(name, 'a typed array constructor', type);
  return code;
}

/** Code of a value's type. Throws `ERR_INVALID_ARG_TYPE` for what cannot be stored. */
export function dataCode(data: unknown): number {
  if (typeof data === 'string') return stringCode;
  if (ArrayBuffer.isView(data)) {
    const known = codes.get(data.constructor);
    if (known !== undefined) return known;
    if (data instanceof DataView) return dataViewCode;
    if (Buffer.isBuffer(data)) return bufferCode;
    // Subclasses and other realms' arrays are stored as the built-in they extend.
    const tag = (data as unknown as Record<symbol, string>)[Symbol.toStringTag];
    const code = types.indexOf(tag as DataType);
    if (code >= 0) return code;
  } else if (data instanceof ArrayBuffer) {
    return arrayBufferCode;
  }
  throw invalidType('data', 'a TypedArray, DataView, ArrayBuffer, Buffer or string', data);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A value's bytes, without copying (strings are encoded). */
export function dataBytes(data: StoredData): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === 'string') return encoder.encode(data);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The zero-copy view of `byteLength` stored bytes of a type. */
export function viewOf(
  code: number,
  buffer: ArrayBuffer,
  byteOffset: number,
  byteLength: number,
): Uint8Array | TypedArray | DataView {
  switch (code) {
    case 0:
    case arrayBufferCode:
    case stringCode:
      return new Uint8Array(buffer, byteOffset, byteLength);
    case 7:
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case bufferCode:
      return Buffer.from(buffer, byteOffset, byteLength);
    case dataViewCode:
      return new DataView(buffer, byteOffset, byteLength);
    default: {
      const type = arrayTypes[code];
      return new type(buffer, byteOffset, byteLength / type.BYTES_PER_ELEMENT);
    }
  }
}

/** Bytes that nobody else uses, at the start of their buffer, as the type that was stored. */
export function dataOf(code: number, own: Uint8Array): StoredData {
  if (code === stringCode) return decoder.decode(own);
  const buffer = own.buffer as ArrayBuffer;
  return code === arrayBufferCode ? buffer : viewOf(code, buffer, 0, own.byteLength);
}

/** A private copy of what `viewOf` returned, as the type that was stored. */
export function copyOf(code: number, view: Uint8Array | TypedArray | DataView): StoredData {
  switch (code) {
    case stringCode:
      return decoder.decode(view);
    case bufferCode:
      return Buffer.from(view as Buffer);
    case arrayBufferCode:
      return (view as Uint8Array).slice().buffer as ArrayBuffer;
    case dataViewCode:
      return new DataView(dataBytes(view).slice().buffer);
    default:
      return (view as TypedArray).slice();
  }
}
