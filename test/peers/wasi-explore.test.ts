// test-timeout: 120
// A C program's fsync under explore: a store that syncs survives every crash, one that does not loses what it has told.
//
// The program is test/peers/wasi/store.c; a value is acknowledged when the program prints it.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wasiFs } from '../../src/adapters/wasi.ts';
import { explore, type VerdictFacts } from '../../src/index.ts';
import { compileC, missingForC } from '../support/wasi-sdk.ts';

const WORDS = ['Ada', 'Bob', 'Eve'];

/** What explore says of the store with one way to sync. */
function exploreStore(
  program: WebAssembly.Module,
  how: string,
  profile: 'strict' | 'ordered',
): Promise<VerdictFacts> {
  return explore<string>({
    profile,
    flushes: false,
    setup: ({ fs }) => fs.mkdirSync('/store'),
    workload: ({ machine, attempt, ack }) => {
      for (const word of WORDS) attempt(word);
      const wasi = wasiFs(machine, { args: ['store', '/store/log', how, ...WORDS], stdout: ack });
      assert.is(wasi.start(new WebAssembly.Instance(program, wasi.imports)), 0);
    },
    recover: ({ fs, must }) => {
      const text = fs.existsSync('/store/log') ? fs.readFileSync('/store/log', 'utf8') : '';
      const found = text.split('\n').slice(0, -1);
      for (const word of must) assert.ok(found.includes(word), `${word} is lost`);
    },
  });
}

const explored = suite('wasi explored');
const missing = missingForC();

if (missing !== undefined) {
  console.log(`SKIPPED: a C program explored: ${missing}`);
} else {
  let program: WebAssembly.Module | undefined;
  const store = () => {
    program ??= new WebAssembly.Module(compileC(new URL('wasi/store.c', import.meta.url)));
    return program;
  };
  for (const profile of ['strict', 'ordered'] as const) {
    for (const how of ['fsync', 'fdatasync', 'dsync'])
      explored(`${profile}: with ${how} every word that was told is there`, async () => {
        const verdict = await exploreStore(store(), how, profile);
        assert.is(verdict.verdict, 'survived', String(verdict));
        assert.is(verdict.acknowledged, WORDS.length);
        assert.ok(verdict.exhaustive && verdict.crashPoints >= WORDS.length, String(verdict));
      });

    explored(`${profile}: without a sync words that were told are lost`, async () => {
      const verdict = await exploreStore(store(), 'nothing', profile);
      assert.is(verdict.verdict, 'violated', String(verdict));
      assert.match(verdict.findings[0]?.sentence ?? '', /\/store\/log/);
      assert.match(verdict.findings[0]?.error ?? '', /is lost/);
    });
  }
}

explored.run();
