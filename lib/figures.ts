/** Numbers for people. */

/** A duration in the largest unit that leaves at least one digit before the point, e.g. `12.4 µs`. */
export function formatNs(ns: number): string {
  const steps: readonly (readonly [number, string])[] = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
    [1, 'ns'],
  ];
  const [scale, unit] = steps.find(([limit]) => Math.abs(ns) >= limit) ?? [1, 'ns'];
  return `${significant(ns / scale)} ${unit}`;
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return value.toFixed(0);
  if (magnitude >= 10) return value.toFixed(1);
  if (magnitude >= 0.1) return value.toFixed(2);
  return value.toPrecision(2);
}
