// npm run test:asan [-- TESTS]: the tests of native-io (or those that are named) over an addon with
// AddressSanitizer and UndefinedBehaviorSanitizer. A finding ends the process and fails the test.
// Leaks are not looked for: Node itself leaves memory behind when it ends.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, run } from './run.mjs';

const binary = join('native-io', 'build-asan', 'andvari_native.node');

/** Where the compiler has a library. @param {string} name */
function libraryOf(name) {
  const { stdout } = spawnSync(process.env.CXX || 'g++', [`-print-file-name=${name}`], {
    encoding: 'utf8',
  });
  return (stdout ?? '').trim();
}

const built = await run(['scripts/native.mjs', '--asan']);
if (built.code === 0) {
  const named = process.argv.slice(2);
  const tests = named.length > 0 ? named : ['native-io'];
  const { code } = await run(
    [
      ...['node_modules/vitest/vitest.mjs', 'run', '--project', 'node', '--project', 'alone'],
      ...tests,
    ],
    {
      env: {
        LD_PRELOAD: `${libraryOf('libasan.so')} ${libraryOf('libubsan.so')}`,
        ASAN_OPTIONS: 'detect_leaks=0',
        UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
        ANDVARI_NATIVE: join(root, binary),
      },
    },
  );
  process.exitCode = code;
} else {
  process.exitCode = 1;
}
