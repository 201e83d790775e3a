/**
 * Plain data as JSON and back without losing a bit: typed arrays (base64, little-endian as all machines this runs on),
 * and the numbers JSON has no word for. Anything else is refused: a log that leaves out what it cannot say is no log.
 */

/** Marks an object that stands for something JSON does not have. */
const tag = '$';

const arrays = {
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
} as const;

/**
 * What `JSON.stringify` can write. Properties that are undefined are left out.
 *
 * @throws TypeError for functions, symbols, bigints, and objects of a class
 */
export function pack(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { [tag]: 'number', value: Object.is(value, -0) ? '-0' : String(value) };
    case 'string':
    case 'boolean':
      return value;
    case 'undefined':
      return { [tag]: 'undefined' };
    case 'object':
      return packObject(value);
    default:
      throw new TypeError(`A decision log cannot hold a ${typeof value}.`);
  }
}

function packObject(value: object | null): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return Array.from(value, pack);
  if (ArrayBuffer.isView(value)) {
    const name = value.constructor.name;
    if (!Object.hasOwn(arrays, name)) throw new TypeError(`A decision log cannot hold a ${name}.`);
    const { buffer, byteOffset, byteLength } = value;
    const bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    return { [tag]: name, base64: bytes.toString('base64') };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`A decision log cannot hold a ${value.constructor?.name ?? 'class'}.`);
  }
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => [key, pack(item)]);
  const plain: unknown = Object.fromEntries(entries);
  return Object.hasOwn(value, tag) ? { [tag]: 'object', value: plain } : plain;
}

/**
 * The inverse of {@link pack}.
 *
 * @throws TypeError for what `pack` does not make
 */
export function unpack(packed: unknown): unknown {
  if (typeof packed !== 'object' || packed === null) return packed;
  if (Array.isArray(packed)) return packed.map(unpack);
  if (!Object.hasOwn(packed, tag)) return unpackEntries(packed);
  const { [tag]: kind, value, base64 } = packed as Record<string, unknown>;
  if (kind === 'undefined') return undefined;
  if (kind === 'number') return Number(value);
  if (kind === 'object' && typeof value === 'object' && value !== null) return unpackEntries(value);
  if (typeof kind === 'string' && Object.hasOwn(arrays, kind) && typeof base64 === 'string') {
    const type = arrays[kind as keyof typeof arrays];
    // A copy of its own: what Buffer gives lies anywhere in a pool, typed arrays have to be aligned.
    const bytes = new Uint8Array(Buffer.from(base64, 'base64'));
    return new type(bytes.buffer);
  }
  throw new TypeError(`There is no data of kind ${JSON.stringify(kind)}.`);
}

function unpackEntries(packed: object): unknown {
  return Object.fromEntries(Object.entries(packed).map(([key, item]) => [key, unpack(item)]));
}
