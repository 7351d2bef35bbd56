// What the README shows is what a fresh clone does: its commands exist, its output is the real one, its example runs.
//
// The outputs are compared line by line, but for the line of times, which are the machine's own.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as sectorlab from '../src/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>;
  bin: Record<string, string>;
};

/** The code blocks of a language ('' for plain ones), in order. */
function blocks(language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, kind]) => kind === language)
    .map(([, , body]) => body as string);
}

const withoutTimes = (output: string): string[] =>
  output
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('time '));

const readme = suite('README');

readme('shows each replay of the sample as it comes out', () => {
  const commands = blocks('sh').filter((block) => block.includes('sectorlab replay'));
  assert.is(commands.length, 2, 'commands that replay');
  const outputs = blocks('').filter((block) => block.startsWith('trace '));
  for (const [index, command] of commands.entries()) {
    const [, ...words] = (command.split('&&').at(-1) ?? '').trim().split(/\s+/);
    assert.is(words.shift(), 'sectorlab');
    const output = execFileSync(process.execPath, [manifest.bin.sectorlab as string, ...words], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.equal(withoutTimes(outputs[index] ?? ''), withoutTimes(output));
  }
});

readme('shows the first example as it is, and what it prints', () => {
  const file = 'test/examples/ledger.mjs';
  assert.is(blocks('js')[0], readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'));
  assert.ok(blocks('sh')[0]?.trim().endsWith(`node ${file}`));
  const output = execFileSync(process.execPath, [file], { cwd: root, encoding: 'utf8' });
  const shown = blocks('').find((block) => block.startsWith('violated: ')) ?? '';
  // hashes and offsets change with the volume's layout
  const withoutRecipe = (text: string) => text.replace(/^( {3}recipe +\{"sectorlab").*$/m, '$1');
  assert.is(withoutRecipe(shown), withoutRecipe(output));
});

readme('names only commands that exist', () => {
  for (const [, script] of text.matchAll(/npm (?:run )?(test|bench|[a-z:]+)\b/g)) {
    if (script === 'ci') continue;
    assert.ok(manifest.scripts[script as string], `npm script ${script}`);
  }
});

readme('links only to files that exist', () => {
  for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
    assert.ok(existsSync(new URL(`../${target}`, import.meta.url)), target);
  }
});

readme('has an example that runs and prints what its comment says', async () => {
  const example = blocks('ts')[0] ?? '';
  const said = /console\.log\(.*\/\/ (.*)$/m.exec(example)?.[1];
  assert.ok(said, 'a line with its output');
  const printed: string[] = [];
  const body = example.replace(/^import .*$/m, '');
  const AsyncFunction = (async () => {}).constructor as new (
    ...names: string[]
  ) => (machine: unknown, console: unknown) => Promise<void>;
  await new AsyncFunction('Machine', 'console', body)(sectorlab.Machine, {
    log: (line: string) => printed.push(line),
  });
  assert.equal(printed, [said]);
});

readme.run();
