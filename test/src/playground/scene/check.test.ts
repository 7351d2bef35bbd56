// The gate for scenes: what is good passes as it is, what is wrong is named with its path.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../../src/errors.ts';
import { checkScene } from '../../../../src/playground/scene/check.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { ENTRANCE_SCENES, TOGETHER } from '../support/entrances.ts';

const gate = suite('scene gate');

const GOOD = JSON.parse(JSON.stringify(TOGETHER)) as Record<string, unknown>;

/** A copy of a good scene with the value at a path replaced; undefined: taken away. */
function changed(path: readonly (string | number)[], value: unknown): unknown {
  const scene = structuredClone(GOOD);
  let at = scene as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) at = at[part] as Record<string | number, unknown>;
  const last = path.at(-1) as string | number;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return scene;
}

function messageOf(value: unknown): string {
  try {
    checkScene(value);
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as Error).message;
  }
  return 'it passed';
}

gate('the gallery and a scene of every entrance pass, and are the same objects', () => {
  for (const scene of [...SCENES, ...ENTRANCE_SCENES, TOGETHER])
    assert.is(checkScene(scene), scene, scene.id);
});

const WRONG: readonly (readonly [path: readonly (string | number)[], value: unknown, found: RegExp])[] = [
  [['id'], 'Two Words', /id.*Two Words.*hyphens/],
  [['title'], undefined, /title.*left out.*given/],
  [['extra'], 1, /extra.*left out/],
  [['machine'], [], /machine.*object/],
  [['machine', 'cash'], 1, /machine\.cash.*left out: .*cache/],
  [['machine', 'cache'], '2GiB', /machine\.cache.*2GiB.*1073741824/],
  [['machine', 'cache'], 'much', /machine\.cache.*much/],
  [['machine', 'merge'], 'no', /machine\.merge.*true or false/],
  [['machine', 'drives'], new Array(9).fill({}), /machine\.drives.*1 to 8/],
  [['machine', 'drives', 0, 'image'], '/etc/passwd', /drives\[0\]\.image.*left out/],
  [['machine', 'drives', 0, 'memory'], {}, /drives\[0\]\.memory.*left out/],
  [['machine', 'drives', 0, 'model'], 'tape', /drives\[0\]\.model.*tape.*hdd/],
  [['machine', 'drives', 0, 'latencyNs'], { seek: 1 }, /latencyNs\.seek.*left out/],
  [['machine', 'records'], 64, /machine\.records.*left out/],
  [['machine', 'limits'], { bios: 1e9 }, /machine\.limits\.bios.*1048576/],
  [['machine', 'volume'], { mount: false }, /volume\.mount.*left out/],
  [['clients'], [], /clients.*1 to 16/],
  [['clients', 1, 'name'], 'aio', /clients\[1\]\.name.*of its own/],
  [['clients', 0, 'entrance'], 'door', /clients\[0\]\.entrance.*door.*virtio/],
  [['clients', 0, 'depth'], 257, /clients\[0\]\.depth.*257.*256/],
  [['clients', 1, 'batch'], 9, /clients\[1\]\.batch.*at most its depth/],
  [['clients', 0, 'ioDepth'], 2, /clients\[0\]\.ioDepth.*usrbio/],
  [['clients', 1, 'ioDepth'], 9, /clients\[1\]\.ioDepth.*at most its depth/],
  [['clients', 0, 'target'], 'drive7', /clients\[0\]\.target.*drive7.*drive0/],
  [['clients', 1, 'target'], '/notes', /clients\[1\]\.target.*\/notes/],
  [['clients', 3, 'direct'], true, /clients\[3\]\.direct.*rules/],
  [['chapters', 1, 'work', 0, 'offset'], -1, /chapters\[1\]\.work\[0\]\.offset/],
  [['chapters', 1, 'work', 0, 'length'], '17MiB', /chapters\[1\]\.work\[0\]\.length.*16777216/],
  [['chapters', 0, 'work', 0, 'count'], 300_000, /chapters\[0\]\.work\[0\]\.count.*200000/],
  [['chapters', 0, 'work', 0, 'span'], '1KiB', /chapters\[0\]\.work\[0\]\.span.*length of one/],
  [['chapters', 0, 'work', 0, 'offset'], Number.MAX_SAFE_INTEGER - 100, /offset.*2\^53/],
  [['chapters', 0, 'work', 0, 'op'], 'append', /chapters\[0\]\.work\[0\]\.op.*append/],
  [['chapters', 0, 'work', 0, 'op'], 'writeZeroes', /chapters\[0\]\.work\[0\]\.op.*writeZeroes.*aio/],
  [['chapters', 0, 'work', 0, 'client'], 'nobody', /chapters\[0\]\.work\[0\]\.client.*nobody.*guest/],
  [['chapters', 0, 'work', 0], { op: 'wait' }, /work\[0\]\.ns.*given/],
  [['chapters', 0, 'work', 0], { op: 'wait', ns: 1, offset: 2 }, /work\[0\]\.offset.*left out/],
  [['chapters', 0, 'work', 0], { op: 'mkdir', path: '/a' }, /work\[0\]\.op.*mkdir.*aio/],
  [['chapters', 0, 'work', 0], { op: 'mkdir', path: 'a', client: 'files' }, /work\[0\]\.path.*beginning/],
  [['chapters', 0, 'work', 0], { op: 'list', requests: [[4, 0, 512]] }, /requests\[0\]\[0\].*from 0 to 3/],
  [['chapters', 0, 'work', 0], { op: 'list', requests: [[0, 0]] }, /requests\[0\]/],
  [['chapters', 0, 'work', 0], { op: 'list', requests: [[3, 0, 512]] }, /writeZeroes.*aio/],
  [['chapters', 0, 'work', 0, 'fua'], 'yes', /fua.*true or false/],
  [['chapters', 0, 'work', 3, 'fua'], true, /work\[3\]\.fua.*left out/],
  [['chapters', 0, 'notes'], [{ kind: 'exploded', text: '' }], /notes\[0\]\.kind.*exploded/],
  [['check'], 'luck', /check.*luck.*xv6-log/],
];

for (const [path, value, found] of WRONG) {
  gate(`${path.join('.')} = ${JSON.stringify(value)?.slice(0, 50)} is named`, () => {
    assert.match(messageOf(changed(path, value)), found);
  });
}

gate('requests of all chapters together are counted', () => {
  const work = Array.from({ length: 3 }, () => ({ op: 'read', offset: 0, length: 512, count: 70_000 }));
  assert.match(
    messageOf(changed(['chapters', 1, 'work'], work)),
    /chapters\[1\]\.work\[2\].*200000 requests/,
  );
});

gate('things that are no scenes are refused in words', () => {
  for (const value of [undefined, null, 1, 'scene', [], () => {}])
    assert.match(messageOf(value), /scene.*an object/);
});

/** Small whole numbers below `end`, the same each time. */
function randomness(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * end);
  };
}

/** Paths to everything in a value. */
function pathsOf(value: unknown, at: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  const inside = Object.entries(value).flatMap(([name, one]) =>
    pathsOf(one, [...at, Array.isArray(value) ? Number(name) : name]),
  );
  return at.length === 0 ? inside : [at, ...inside];
}

const NONSENSE = [null, -1, 1.5, 'x', '', [], {}, true, 2 ** 60, [[1]], { a: 1 }, Number.NaN, -0];

gate('300 scenes with nonsense somewhere pass or give a ConfigError, never anything else', () => {
  const next = randomness(42);
  const paths = pathsOf(GOOD);
  let refused = 0;
  for (let count = 0; count < 300; count++) {
    const path = paths[next(paths.length)] as readonly (string | number)[];
    if (messageOf(changed(path, NONSENSE[next(NONSENSE.length)])) !== 'it passed') refused++;
  }
  assert.ok(refused > 250, `${refused} of 300 were refused`);
});

gate.run();
