// Debian packages without installing them: a private copy of apt's lists, downloads, and a folder they are
// unpacked into. Needs no root and changes nothing of the system.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotSetUp } from './cannot-set-up.js';

/** Where each release has QEMU 10 and Linux 6.12: the suite beside its main one, or none. */
const newerSuite = { bookworm: 'bookworm-backports', trixie: undefined };

/** The packages could not be fetched this time. */
export class FetchError extends Error {}

export class DebianPackages {
  #options;
  #folder;
  /** The suite that has what the release itself has too old; undefined when the release is new enough. */
  suite;

  /** Prepares the lists in `folder`. Throws {@link CannotSetUp} where there is no usable apt. */
  constructor(folder) {
    this.#folder = folder;
    const release = releaseName();
    if (!(release in newerSuite)) {
      throw new CannotSetUp(
        `the packages of ${release} are not known to make the machine`,
        'use Debian 12 (bookworm) or 13 (trixie)',
      );
    }
    this.suite = newerSuite[release];
    for (const sub of ['lists/partial', 'cache/archives/partial', 'downloads']) {
      mkdirSync(join(folder, sub), { recursive: true });
    }
    const { uri, signedBy } = mirrorOf(release);
    const suites = [release, this.suite].filter((suite) => suite !== undefined);
    writeFileSync(
      join(folder, 'sources.list'),
      suites.map((suite) => `deb ${signedBy}${uri} ${suite} main\n`).join(''),
    );
    this.#options = [
      `Dir::Etc::SourceList=${join(folder, 'sources.list')}`,
      'Dir::Etc::SourceParts=/dev/null',
      'Dir::Etc::Preferences=/dev/null',
      'Dir::Etc::PreferencesParts=/dev/null',
      `Dir::State::Lists=${join(folder, 'lists')}`,
      `Dir::Cache=${join(folder, 'cache')}`,
      'Debug::NoLocking=1', // the system's lock is not ours to take: nothing is installed
      'Acquire::Retries=3',
    ].flatMap((option) => ['-o', option]);
  }

  /** Brings the private lists up to date. */
  update() {
    this.#apt('apt-get', ['update']);
  }

  /** A package as apt is to look for it: in the newer suite where there is one. */
  newer(name) {
    return this.suite === undefined ? name : `${name}/${this.suite}`;
  }

  /** Those of `names`, and of what they depend on, that this system lacks or has too old. */
  missing(names) {
    const plan = this.#apt('apt-get', [
      '--simulate',
      '--no-install-recommends',
      'install',
      ...names,
    ]);
    return [...plan.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)/gm)].map(
      ([, name, version]) => `${name}=${version}`,
    );
  }

  /** What the newest version of a package depends on, as apt words it. */
  dependencies(name) {
    // Several versions are shown newest first.
    const records = this.#apt('apt-cache', ['show', name]);
    return /^Depends: (.*)$/m.exec(records)?.[1].split(/, */) ?? [];
  }

  /** Downloads packages and unpacks them into `root`. */
  unpack(packages, root) {
    if (packages.length === 0) return;
    const downloads = join(this.#folder, 'downloads');
    this.#apt('apt-get', ['download', ...packages], { cwd: downloads });
    mkdirSync(root, { recursive: true });
    for (const file of readdirSync(downloads)) {
      if (!file.endsWith('.deb')) continue;
      execFileSync('dpkg-deb', ['--extract', join(downloads, file), root]);
      rmSync(join(downloads, file));
    }
  }

  #apt(command, args, options = {}) {
    try {
      return execFileSync(command, [...this.#options, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        maxBuffer: 64 << 20,
        env: { ...process.env, LC_ALL: 'C' },
        ...options,
      });
    } catch (error) {
      const lines = String(error.stderr ?? error.message).trim();
      // Not CannotSetUp: the machine can be had here, and a mirror that fails is no reason to skip its tests.
      throw new FetchError(`${command} ${args[0]} failed: ${lines}; is the mirror reachable?`);
    }
  }
}

function releaseName() {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^VERSION_CODENAME=(.*)$/m.exec(text)?.[1] ?? 'this system';
}

/** The mirror that the system uses for its release, and how it is trusted. */
function mirrorOf(release) {
  let targets;
  try {
    targets = execFileSync(
      'apt-get',
      ['indextargets', '--format', '$(REPO_URI)|$(RELEASE)', 'Created-By: Packages'],
      { encoding: 'utf8' },
    );
  } catch {
    throw new CannotSetUp('there is no apt-get', 'use Debian 12 (bookworm) or 13 (trixie)');
  }
  const line = targets.split('\n').find((target) => target.endsWith(`|${release}`));
  if (line === undefined) throw new CannotSetUp(`apt has no source for ${release}`);
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  return {
    uri: line.slice(0, line.indexOf('|')),
    signedBy: existsSync(keyring) ? `[signed-by=${keyring}] ` : '',
  };
}
