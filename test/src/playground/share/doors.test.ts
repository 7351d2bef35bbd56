// test-timeout: 90
// The doors for what others made: whatever comes in, it opens, or a message in words names what is wrong; nothing hangs or traps, and the page shows what it showed.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../../../src/index.ts';
import { checkScene } from '../../../../src/playground/scene/check.ts';
import { sceneFromTrace } from '../../../../src/playground/scene/from-trace.ts';
import { openScene } from '../../../../src/playground/scene/run.ts';
import { formatSceneText, parseSceneText } from '../../../../src/playground/scene/text.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { FIRST_SCENE, SCENES } from '../../../../src/playground/scenes/index.ts';
import { ALL_FLUSHES, xv6Scene } from '../../../../src/playground/scenes/xv6-log.ts';
import { encodeLink } from '../../../../src/playground/share/link.ts';
import { makePlug } from '../../../../src/playground/worker/plug.ts';
import { join, pack, utf8, vscsiRecord } from '../../trace/support.ts';
import { nodeEngine } from '../support/engine.ts';
import { TOGETHER } from '../support/entrances.ts';
import { openPage } from '../support/page.ts';

const page = await openPage();
const doors = suite('doors for what others made');

/** Small whole numbers below `end`, the same each time. */
function randomness(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
}

/** Words of a program that leaked into a message. */
const LEAKED =
  /\bundefined\b|\bNaN\b|\[object|is not a function|is not iterable|Cannot read|Maximum call|unreachable|Invalid (array|typed|string)|out of bounds|\n\s+at /;

function assertReadable(message: string, what: string): void {
  assert.ok(message.length > 8 && message.length < 1500, `${what}: ${message}`);
  assert.not.match(message, LEAKED, what);
}

const NONSENSE: readonly unknown[] = [
  null,
  -1,
  1.5,
  'x',
  '',
  [],
  {},
  true,
  2 ** 60,
  1e308,
  [[1]],
  { a: 1 },
  '9'.repeat(400),
  '0x10',
  '1e9GiB',
  '__proto__',
];

type Path = readonly (string | number)[];

/** Paths to everything in a value, itself excepted. */
function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  const inside = Object.entries(value).flatMap(([name, one]) =>
    pathsOf(one, [...at, Array.isArray(value) ? Number(name) : name]),
  );
  return at.length === 0 ? inside : [at, ...inside];
}

/** A copy with something else at one place, nothing there, or one field more. */
function spoilt<T>(good: T, next: (end: number) => number): { readonly value: T; readonly path: Path } {
  const value = structuredClone(good);
  const paths = pathsOf(value);
  const path = paths[next(paths.length)] as Path;
  let parent = value as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) parent = parent[part] as Record<string | number, unknown>;
  const last = path.at(-1) as string | number;
  const kind = next(8);
  if (kind === 0 && Array.isArray(parent)) parent.splice(last as number, 1);
  else if (kind === 0) delete parent[last];
  else if (kind === 1 && !Array.isArray(parent)) parent[`${last}s`] = 1;
  else parent[last] = NONSENSE[next(NONSENSE.length)];
  return { value, path };
}

const GOOD: Scene = JSON.parse(JSON.stringify(TOGETHER));

doors(
  'a scene that is spoilt anywhere passes, or is refused by the name of a field, by what stands there and what may',
  () => {
    const next = randomness(11);
    let refused = 0;
    for (let count = 0; count < 1500; count++) {
      const { value, path } = spoilt(GOOD, next);
      try {
        checkScene(value);
      } catch (error) {
        const { name, message } = error as Error;
        assert.is(name, 'ConfigError', message);
        assertReadable(message, path.join('.'));
        assert.match(message, /^(scene|[a-z]+[\w.[\]]*) is .*; it must be /s);
        refused++;
      }
    }
    assert.ok(refused > 1000, `${refused} refused`);
  },
);

doors(
  'lines of a scene that are cut, doubled, mixed and spoilt give problems at lines that are there',
  () => {
    const next = randomness(12);
    const texts = [...SCENES.filter(({ id }) => id !== 'ten-thousand'), TOGETHER].map(formatSceneText);
    const words = [
      '=',
      ':',
      '"',
      'x0',
      '-1',
      '1e400',
      'drive9',
      '4KiB',
      'json {',
      'json {"op":3}',
      '\\',
      '#',
      '\u0000',
    ];
    for (let count = 0; count < 400; count++) {
      const lines = (texts[next(texts.length)] as string).split('\n');
      for (let changes = 1 + next(4); changes > 0; changes--) {
        const at = next(lines.length);
        const line = lines[at] as string;
        const cut = next(line.length + 1);
        const other = words[next(words.length)] as string;
        const kinds = [
          line.slice(0, cut),
          line.slice(cut),
          `${line.slice(0, cut)}${other}${line.slice(cut)}`,
          `${line} ${other}`,
          lines[next(lines.length)] as string,
          '',
        ];
        lines[at] = kinds[next(kinds.length)] as string;
      }
      const { scene, problems } = parseSceneText(lines.join('\n'));
      assert.is(scene === undefined, problems.length > 0);
      for (const { line, message } of problems) {
        assert.ok(line >= 1 && line <= lines.length);
        assertReadable(message, lines[line - 1] as string);
      }
    }
  },
);

const MSR = utf8(
  [1, 2]
    .map((at) => `${128166372003061629n + BigInt(at)},web,${at % 2},Read,${at * 4096},512,100\n`)
    .join(''),
);
const IOLOG = utf8(
  'fio version 3 iolog\n7 a add\n9 a open\n12 a read 0 4096\n13 a write 1 1\n15 a sync 1 0\n16 a trim 8 8\n20 a close\n',
);
const TRACES: Readonly<Record<string, Uint8Array>> = {
  'fio2.log': utf8(
    'fio version 2 iolog\na add\na open\na read 0 4096\na wait 100 0\na datasync 0 0\na close\n',
  ),
  'fio3.log': IOLOG,
  'msr.csv': MSR,
  'one.vscsi': join([vscsiRecord(1), vscsiRecord(1, { opcode: 0x2a }), vscsiRecord(1, { opcode: 0x35 })]),
  'two.vscsi': join([vscsiRecord(2), vscsiRecord(2, { opcode: 0x42 }), vscsiRecord(2, { opcode: 0x91 })]),
  'packed.gz': pack(IOLOG),
};

/** Reads it as the page does: a scene that passes the gate, or a message with the file's name. */
async function readTrace(name: string, bytes: Uint8Array, what: string): Promise<Scene | undefined> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.from(bytes);
  }
  try {
    const { scene, told, requestCount } = await sceneFromTrace(chunks(), { name });
    assert.is(checkScene(scene), scene);
    assert.ok(requestCount > 0, told);
    assert.not.match(`${told} ${scene.intro} ${scene.question}`, LEAKED);
    return scene;
  } catch (error) {
    const { name: kind, message } = error as Error;
    assert.ok(kind === 'TraceError' || kind === 'RangeError', `${what}: ${kind}: ${message}`);
    assertReadable(message, what);
    assert.ok(message.startsWith(`${name}: `), `${what}: ${message}`);
    return undefined;
  }
}

/** Plays it to its end: what it asks for may fail, and nothing else. */
async function play(scene: Scene, what: string): Promise<void> {
  const run = await openScene(scene, (options) => Machine.create(options));
  run.finish();
  assert.is(run.stuck, undefined, what);
  run.machine.close();
}

for (const [name, bytes] of Object.entries(TRACES))
  doors(
    `${name} cut at every byte, and with bytes flipped, is a scene that plays, or is told of by its name`,
    async () => {
      const next = randomness(bytes.length);
      const made: [string, Scene][] = [];
      const keep = async (changed: Uint8Array, what: string): Promise<void> => {
        const scene = await readTrace(name, changed, what);
        if (scene !== undefined) made.push([what, scene]);
      };
      for (let end = 0; end <= bytes.length; end++) await keep(bytes.subarray(0, end), `cut at ${end}`);
      for (let count = 0; count < 100; count++) {
        const changed = Uint8Array.from(bytes);
        for (let flips = 1 + next(3); flips > 0; flips--) {
          const at = next(changed.length);
          changed[at] = (changed[at] as number) ^ (1 << next(8));
        }
        await keep(changed, `flips number ${count}`);
      }
      assert.ok(made.length > 0, 'the good one is a scene');
      for (let count = 0; count < 6; count++) {
        const [what, scene] = made[next(made.length)] as [string, Scene];
        await play(scene, what);
      }
    },
  );

const UNFLUSHED = xv6Scene({ ...ALL_FLUSHES, log: false });

doors(
  'a recipe that is spoilt is refused by a field, or followed, or does not fit: never a trap',
  async () => {
    const { bench } = nodeEngine();
    const plug = makePlug(bench);
    const { cases } = await plug.exploreScene(UNFLUSHED, 0, () => undefined);
    const recipe = cases[0]?.recipe;
    assert.ok(recipe !== undefined);
    const next = randomness(13);
    await page.openScene(UNFLUSHED);
    for (let count = 0; count < 60; count++) {
      const { value, path } = spoilt(JSON.parse(JSON.stringify(recipe)), next);
      const told = await plug.followRecipe(UNFLUSHED, value).then(
        () => '',
        (error: Error) => `${error.name}: ${error.message}`,
      );
      assert.not.match(told, /^(InternalError|RuntimeError)/, `${path.join('.')}: ${JSON.stringify(value)}`);
      if (told !== '') assert.not.match(told, /unreachable|out of bounds/, path.join('.'));
    }
  },
);

/** What a reader sees. */
const shown = (): readonly unknown[] => [page.scene.value, page.run.value, page.cursor.value];

doors(
  'what is dropped and pasted is opened, or told of once by its name; then the page shows what it showed',
  async () => {
    const next = randomness(14);
    const link = await encodeLink({ scene: GOOD, step: 3, hash: '00ff' }, SCENES);
    const plain = `#v1&scene=merging&machine.seed=3&machine.vm.dirtyRatio=5&clients[0].depth=2&step=3`;
    const things: (() => string | Uint8Array)[] = [
      () => JSON.stringify(spoilt(GOOD, next).value),
      () => spoiltText(`#${link}`),
      () => spoiltText(plain),
      () => spoiltText(formatSceneText(FIRST_SCENE)),
      () => spoiltText(JSON.stringify(GOOD)),
      () =>
        spoiltText(
          '{"sectorlab":"0.1.0","kind":"explore","crash":"power","options":{},"log":"aa","states":[],"image":"bb"}',
        ),
      () => TRACES['fio3.log']?.subarray(0, next(60)) as Uint8Array,
      () => spoiltText('Dear reader,\nthis is no trace.\n'),
    ];
    function spoiltText(text: string): string {
      const at = next(text.length);
      const others = ['', '%', '"', '}', '\u0000', '&', '=', '9'.repeat(30), '\n', '[', text.slice(0, 20)];
      return text.slice(0, at) + others[next(others.length)] + text.slice(at + next(12));
    }
    await page.openScene(FIRST_SCENE);
    let refused = 0;
    for (let count = 0; count < 120; count++) {
      const thing = (things[count % things.length] as () => string | Uint8Array)();
      const before = shown();
      await page.openBlob(new Blob([thing as string]), 'a file');
      const told = page.problem.value;
      if (told === undefined) continue;
      const what = `${thing}`.slice(0, 300);
      assertReadable(told, what);
      assert.ok(told.split('a file').length <= 2, `the name comes once: ${told}`);
      const isElsewhere = page.scene.value !== before[0];
      // a link whose moment is not what its maker saw opens, and says so
      if (isElsewhere) assert.match(told, /another run/, what);
      else
        assert.ok(
          shown().every((one, index) => one === before[index]),
          what,
        );
      refused++;
    }
    assert.ok(refused > 50, `${refused} were refused`);
  },
);

doors.after(() => page.close());
doors.run();
