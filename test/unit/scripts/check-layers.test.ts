import { describe, expect, it } from 'vitest';
import { type CheckResult, checkTree } from './fixture-tree.ts';

const check = (files: Readonly<Record<string, string>>): CheckResult =>
  checkTree('check-layers.js', files);

describe('check-layers on native/', () => {
  it('accepts includes of the own folder, of lower folders and of the standard library', () => {
    const result = check({
      'native/base/status.h': '#include <string>\n',
      'native/sys/mapping.h': '#include <sys/mman.h>\n#include "base/status.h"\n',
      'native/memory/window.h': '#include "sys/mapping.h"\n',
      'native/memory/window.cc': '#include "memory/window.h"\n#include "base/status.h"\n',
      'native/plugins/memkind/plugin.cc': '#include <memkind.h>\n#include <unistd.h>\n',
    });
    expect(result).toEqual({ status: 0, lines: [], stderr: '' });
  });

  it('names file and line of an include that points up', () => {
    const result = check({
      'native/base/status.cc': '// first line\n\n#include "memory/window.h"\n',
      'native/memory/window.h': '',
    });
    expect(result.status).toBe(1);
    expect(result.lines).toEqual([
      'native/base/status.cc:3: base/ may not include memory/ ("memory/window.h")',
    ]);
  });

  it('sees through angle brackets and spaces around the hash', () => {
    const result = check({
      'native/sys/file.cc': '  #  include <pool/layout.h>\n',
      'native/pool/layout.h': '',
    });
    expect(result.lines).toEqual([
      'native/sys/file.cc:1: sys/ may not include pool/ ("pool/layout.h")',
    ]);
  });

  it('keeps the two end points, bind and plugins, apart', () => {
    const result = check({
      'native/bind/addon.cc': '#include "plugins/memkind/pool.h"\n',
      'native/plugins/memkind/plugin.cc': '#include "bind/convert.h"\n',
    });
    expect(result.lines).toEqual([
      'native/bind/addon.cc:1: bind/ may not include plugins/ ("plugins/memkind/pool.h")',
      'native/plugins/memkind/plugin.cc:1: plugins/ may not include bind/ ("bind/convert.h")',
    ]);
  });

  it('lets the core see what the plugin and it agreed on, and nothing else of the plugin', () => {
    const result = check({
      'native/memory/memkind_plugin.h':
        '#include "plugins/memkind/abi.h"\n#include "plugins/memkind/pool.h"\n',
      'native/plugins/memkind/abi.h': '#include <stddef.h>\n',
    });
    expect(result.lines).toEqual([
      'native/memory/memkind_plugin.h:2: memory/ may not include plugins/ ("plugins/memkind/pool.h")',
    ]);
  });

  it('does not mistake the standard header <memory> for the folder of that name', () => {
    const result = check({
      'native/base/status.h': '#include <memory>\n',
      'native/memory/window.h': '',
    });
    expect(result).toEqual({ status: 0, lines: [], stderr: '' });
  });

  it.each(['sys/mman.h', 'linux/mempolicy.h', 'unistd.h', 'fcntl.h', 'numa.h', 'numaif.h'])(
    'refuses the system-call header <%s> outside sys and plugins',
    (header) => {
      const result = check({ 'native/topology/nodes.cc': `#include <${header}>\n` });
      expect(result.status).toBe(1);
      expect(result.lines).toEqual([
        `native/topology/nodes.cc:1: <${header}> belongs to sys/ and plugins/, not to topology/`,
      ]);
    },
  );

  it('refuses an include that is not written from native/', () => {
    const result = check({ 'native/base/status.cc': '#include "status.h"\n' });
    expect(result.lines).toEqual([
      'native/base/status.cc:1: "status.h" does not start with a folder of native/',
    ]);
  });

  it('refuses a folder that has no layer', () => {
    const result = check({ 'native/util/misc.h': '' });
    expect(result.status).toBe(1);
    expect(result.lines).toEqual([
      'native/util/misc.h:1: in no layer; give its folder a row in check-layers.js',
    ]);
  });
});

describe('check-layers on lib/', () => {
  it('accepts imports of the own folder and of lower layers', () => {
    const result = check({
      'lib/errors.ts': '',
      'lib/native.ts':
        "import { createRequire } from 'node:module';\nimport { TierError } from './errors.ts';\n",
      'lib/policy/lru.ts':
        "import type { Policy } from './policy.ts';\nimport type { TierName } from '../tiers/tier.ts';\n",
      'lib/cli/main.ts': "const { open } = await import('../index.ts');\n",
    });
    expect(result).toEqual({ status: 0, lines: [], stderr: '' });
  });

  it('names file and line of an import that points up', () => {
    const result = check({
      'lib/policy/lru.ts': "import type { Heat } from '../tiers/tier.ts';\nimport '../index.ts';\n",
    });
    expect(result.status).toBe(1);
    expect(result.lines).toEqual([
      'lib/policy/lru.ts:2: policy/ may not import index.ts (../index.ts)',
    ]);
  });

  it('finds re-exports, dynamic imports and the end of an import over several lines', () => {
    const result = check({
      'lib/errors.ts': [
        "export { lru } from './policy/lru.ts';",
        "const cost = await import('./cost/model.ts');",
        'import {',
        '  memory,',
        "} from './memory/store.ts';",
      ].join('\n'),
    });
    expect(result.lines).toEqual([
      'lib/errors.ts:1: errors.ts may not import policy/ (./policy/lru.ts)',
      'lib/errors.ts:2: errors.ts may not import cost/ (./cost/model.ts)',
      'lib/errors.ts:5: errors.ts may not import memory/ (./memory/store.ts)',
    ]);
  });

  it('gives an interface that lower layers need its own, lower row', () => {
    const result = check({
      'lib/memory/store.ts':
        "import type { MigrationTarget } from '../migration/migration-target.ts';\nimport { engine } from '../migration/engine.ts';\n",
    });
    expect(result.lines).toEqual([
      'lib/memory/store.ts:2: memory/ may not import migration/ (../migration/engine.ts)',
    ]);
  });

  it('does not mistake an example in a comment for an import', () => {
    const result = check({
      'lib/errors.ts': "/**\n * import { open } from './index.ts';\n */\n// from './index.ts'\n",
    });
    expect(result.status).toBe(0);
  });

  it.each([
    "const load = require('node-gyp-build');",
    'process.dlopen(module, path);',
    "const addon = '../build/Release/memory_tiers.node';",
  ])('refuses to see the addon loaded elsewhere: %s', (line) => {
    const result = check({ 'lib/memory/store.ts': `${line}\n` });
    expect(result.status).toBe(1);
    expect(result.lines[0]).toBe('lib/memory/store.ts:1: only lib/native.ts may load the addon');
  });

  it('refuses an import from outside lib, except package.json', () => {
    const result = check({
      'lib/errors.ts': "import x from '../scripts/check.js';\nimport p from '../package.json';\n",
    });
    expect(result.lines).toEqual(['lib/errors.ts:1: ../scripts/check.js is outside lib']);
  });

  it('refuses a file that has no layer', () => {
    const result = check({ 'lib/misc/util.ts': '' });
    expect(result.lines).toEqual([
      'lib/misc/util.ts:1: in no layer; give it a row in check-layers.js',
    ]);
  });
});
