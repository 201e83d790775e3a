/** Synthetic workloads by name: `NAME[:PARAMETER][,SETTING=VALUE…]`, e.g. `zipf:0.99,units=1000000,seed=2`. */

import { invalidValue } from '../../errors.ts';
import { parseByteSize } from '../../tiers/byte-size.ts';
import { nearestWord } from '../../tiers/option-checks.ts';
import type { Workload } from '../workload.ts';
import { syntheticWorkload } from './access-rows.ts';
import {
  type SettingRule,
  type Settings,
  type WorkloadKind,
  workloadKinds,
} from './workload-kinds.ts';

/** Names of the synthetic workloads. */
export const workloadNames: readonly string[] = Object.keys(workloadKinds);

/** A line for each synthetic workload: how it is written, and what it is. */
export function describeWorkloads(): string[] {
  return Object.entries(workloadKinds).map(([name, { parameter, settings, summary }]) => {
    if (parameter === undefined) return `${name}: ${summary}`;
    return `${name}:${parameter.toUpperCase()}: ${summary} (${settings[parameter].default})`;
  });
}

/** Whether a text is meant as a synthetic workload: it begins with the name of one. */
export function isWorkloadText(text: string): boolean {
  return Object.hasOwn(workloadKinds, nameOf(text));
}

/**
 * The workload that a text describes. It makes the same accesses at every pass: first every object is touched
 * once, in order, then come `accesses` more.
 *
 * Numbers may be written as `2e6`. Settings that most have: `units` (objects), `size` (bytes of each), `accesses`,
 * `seed`, and for pages `writes` (share of the accesses).
 *
 * @throws RangeError for an unknown name or setting, or a value out of range
 */
export function parseWorkload(text: string): Workload {
  const name = nameOf(text);
  if (!Object.hasOwn(workloadKinds, name)) {
    throw invalidValue('workload', `one of ${known(name, workloadNames)}`, name);
  }
  const kind = workloadKinds[name];
  const settings = settingsOf(kind, name, text.slice(name.length));
  return syntheticWorkload(
    {
      name: text,
      weight: kind.weight ?? 1,
      accesses: settings.accesses,
      shifts: kind.shifts?.(settings) ?? [],
    },
    () => kind.make(settings),
  );
}

function nameOf(text: string): string {
  return /^[^:,]*/.exec(text)![0];
}

function known(word: string, words: readonly string[]): string {
  const guess = nearestWord(word, words);
  return guess === undefined ? words.join(', ') : `${words.join(', ')}; did you mean "${guess}"?`;
}

/** `rest` is what follows the name. */
function settingsOf(kind: WorkloadKind, name: string, rest: string): Settings {
  const settings: Record<string, number> = {};
  for (const [key, rule] of Object.entries(kind.settings)) settings[key] = rule.default;
  const [parameter, ...pairs] = rest.split(',');
  if (parameter !== '') {
    const value = parameter.slice(1);
    if (kind.parameter === undefined) {
      throw invalidValue(name, 'given without a parameter after its name', value);
    }
    settings[kind.parameter] = parseSetting(name, kind, kind.parameter, value);
  }
  const seen = new Set<string>(parameter === '' ? [] : [kind.parameter!]);
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (!Object.hasOwn(kind.settings, key)) {
      const words = Object.keys(kind.settings);
      throw invalidValue(`${name},${key}`, `one of the settings ${known(key, words)}`, pair);
    }
    if (seen.has(key)) throw invalidValue(`${name},${key}`, 'given once', pair);
    seen.add(key);
    settings[key] = parseSetting(name, kind, key, equals < 0 ? '' : pair.slice(equals + 1));
  }
  return settings;
}

function parseSetting(name: string, kind: WorkloadKind, key: string, text: string): number {
  const rule = kind.settings[key];
  const label = `${name},${key}`;
  if (rule.bytes === true) return checkSetting(label, rule, parseByteSize(label, text), text);
  if (!/^\d+(\.\d+)?(e\d+)?$/i.test(text)) {
    throw invalidValue(label, `a number ${range(rule)}`, text);
  }
  return checkSetting(label, rule, Number(text), text);
}

function checkSetting(label: string, rule: SettingRule, value: number, text: string): number {
  if (rule.whole === true && !Number.isSafeInteger(value)) {
    throw invalidValue(label, `a whole number ${range(rule)}`, text);
  }
  if (value < rule.min || value > rule.max) throw invalidValue(label, range(rule), text);
  if (rule.except !== undefined && value === rule.except[0]) {
    throw invalidValue(label, `anything but ${value}, ${rule.except[1]}`, text);
  }
  return value;
}

function range({ min, max }: SettingRule): string {
  return `from ${min} to ${max}`;
}
