// The editor's language: a scene becomes text and the same scene again, and what is wrong is said at its line.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveConfig } from '../../../../src/core/config.ts';
import { parseSize } from '../../../../src/core/size.ts';
import {
  formatSceneText,
  locateProblem,
  parseSceneText,
  readSceneText,
} from '../../../../src/playground/scene/text.ts';
import type { Scene, Work } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { RECORD_KIND_NAMES } from '../../../../src/records.ts';

const text = suite('scene text');

/** With sizes as bytes and the group of the editor, as parsing gives them. */
function plain(scene: Scene): Scene {
  const sizes = ['offset', 'length', 'span', 'stride', 'size'];
  const plainWork = (work: Work): Work =>
    Object.fromEntries(
      Object.entries(work)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, sizes.includes(name) ? parseSize(value, name) : value]),
    ) as Work;
  const chapters = scene.chapters.map((chapter) => ({ ...chapter, work: chapter.work.map(plainWork) }));
  return { ...scene, group: 'yours', chapters };
}

function parsed(lines: string): Scene {
  const { scene, problems } = parseSceneText(lines);
  assert.equal(problems, []);
  return scene as Scene;
}

text(
  'every scene of the gallery is written and read back: work, notes, clients, and the same machine',
  () => {
    for (const scene of SCENES) {
      const back = parsed(formatSceneText(scene));
      const expected = plain(scene);
      assert.equal({ ...back, machine: null }, { ...expected, machine: null }, scene.id);
      assert.equal(resolveConfig(back.machine), resolveConfig(expected.machine), scene.id);
      assert.equal(parsed(formatSceneText(back)), back, scene.id);
      assert.not.match(formatSceneText(scene), /^(.*: )?json /m, scene.id);
    }
  },
);

const words = fc.oneof(fc.string(), fc.lorem(), fc.constantFrom('', ' a', '"', '# x', 'a\nb', 'a: b', 'ü–'));
const name = fc.oneof(fc.stringMatching(/^[a-z][\w.-]{0,8}$/), fc.string({ minLength: 1, maxLength: 8 }));
const size = fc.oneof(fc.nat(), fc.constantFrom(0, 4096, 65536, 2 ** 40));
const transfer = fc.record(
  {
    op: fc.constantFrom('read', 'write', 'discard', 'writeZeroes'),
    offset: size,
    length: size,
    count: fc.integer({ min: 1, max: 99_999 }),
    pattern: fc.constantFrom('sequential', 'reverse', 'random', 'stride'),
    span: size,
    stride: size,
    fua: fc.boolean(),
    client: name,
  },
  { requiredKeys: ['op', 'offset', 'length'], noNullPrototype: true },
);
const other = fc.oneof(
  fc.record(
    { op: fc.constantFrom('fsync', 'fdatasync', 'flush', 'dropCaches', 'sync') },
    { noNullPrototype: true },
  ),
  fc.record({ op: fc.constant('wait'), ns: fc.nat() }, { noNullPrototype: true }),
  fc.record(
    { op: fc.constantFrom('create', 'unlink'), path: words, client: name },
    { noNullPrototype: true },
  ),
  fc.record({ op: fc.constant('rename'), path: words, to: words }, { noNullPrototype: true }),
  fc.record({ op: fc.constant('truncate'), path: words, size }, { noNullPrototype: true }),
);
const note = fc.record(
  {
    kind: fc.constantFrom(...RECORD_KIND_NAMES),
    operation: fc.nat(20),
    device: fc.nat(65535),
    nth: fc.integer({ min: 1, max: 9999 }),
    text: words,
  },
  { requiredKeys: ['kind', 'text'], noNullPrototype: true },
);
const chapter = fc.record(
  { title: words, text: words, work: fc.array(fc.oneof(transfer, other)), notes: fc.array(note) },
  { noNullPrototype: true },
);
const client = fc.record(
  {
    name,
    entrance: fc.constantFrom('aio', 'usrbio', 'bluestore', 'virtio', 'block', 'files'),
    target: fc.constantFrom('drive0', '/log', 'a b', 'x=y'),
    direct: fc.boolean(),
    depth: fc.integer({ min: 1, max: 256 }),
    batch: fc.integer({ min: 1, max: 256 }),
    ioDepth: fc.integer({ min: -9, max: 9 }),
  },
  { requiredKeys: ['name', 'entrance'], noNullPrototype: true },
);

text('any chapters and clients are written and read back', () => {
  const scenes = fc.record(
    {
      id: words,
      title: words,
      question: words,
      intro: words,
      group: fc.constant('yours' as const),
      machine: fc.constant({}),
      clients: fc.array(client, { minLength: 1 }),
      chapters: fc.array(chapter, { minLength: 1 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(scenes, (generated) => {
      const scene = generated as unknown as Scene;
      assert.equal(readSceneText(formatSceneText(scene)), { scene, problems: [] }, formatSceneText(scene));
    }),
    { numRuns: 500 },
  );
});

text('any text gives a scene or problems with the lines they are on, and never throws', () => {
  const line = fc.oneof(
    fc.string(),
    fc
      .tuple(
        fc.constantFrom(
          'machine',
          'drive',
          'fault',
          'file',
          'client',
          'chapter',
          'note',
          'write',
          'wait',
          'json',
          'a:',
        ),
        fc.array(
          fc.oneof(words, fc.constantFrom('hdd', 'cache=1', 'drive0', 'aio', '4KiB', 'x3', 'size=9', '"')),
        ),
      )
      .map(([word, rest]) => [word, ...rest].join(' ')),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const whole = lines.join('\n');
      const { scene, problems } = parseSceneText(whole);
      assert.is(scene === undefined, problems.length > 0);
      const lineCount = whole.split(/\r?\n/).length;
      for (const problem of problems) assert.ok(problem.line >= 1 && problem.line <= lineCount);
    }),
    { numRuns: 1000 },
  );
});

const EXAMPLE = `title Two writes
# a comment
machine cache=64KiB eviction=lru vm.dirtyRatio=10
drive hdd size=64MiB rpm=7200 volatileWrites=8 promises=ATOMIC4K,SEQUENTIAL deadline.fifoBatch=4 scheduler=deadline
fault drive0 eio on=write nth=3
file log capacity=1MiB
client app aio log depth=4 direct
client "other one" block drive0

chapter Begin
text It begins.
write 8KiB 4KiB
other one: flush`;

text('a text says what the scene is', () => {
  const scene = parsed(
    EXAMPLE.replace(
      'other one: flush',
      '"other one": read 0 64KiB x100 random span=16MiB\nwait 5s\nnote dirtied 2 operation=write: two',
    ),
  );
  assert.equal(scene.machine, {
    cache: 65536,
    eviction: 'lru',
    vm: { dirtyRatio: 10 },
    drives: [
      {
        model: 'hdd',
        size: 67108864,
        volatileWrites: 8,
        promises: ['ATOMIC4K', 'SEQUENTIAL'],
        deadline: { fifoBatch: 4 },
        scheduler: 'deadline',
        parameters: { rpm: 7200 },
        faults: ['eio on=write nth=3'],
      },
    ],
    files: [{ name: 'log', capacity: 1048576 }],
  });
  assert.equal(scene.clients, [
    { name: 'app', entrance: 'aio', target: 'log', depth: 4, direct: true },
    { name: 'other one', entrance: 'block', target: 'drive0' },
  ]);
  assert.equal(scene.chapters[0]?.work, [
    { op: 'write', offset: 8192, length: 4096 },
    {
      op: 'read',
      offset: 0,
      length: 65536,
      count: 100,
      pattern: 'random',
      span: 16777216,
      client: 'other one',
    },
    { op: 'wait', ns: 5e9 },
  ]);
  assert.equal(scene.chapters[0]?.notes, [{ kind: 'dirtied', nth: 2, operation: 1, text: 'two' }]);
});

text('each wrong line is named, with what is wrong and what would be right', () => {
  const cases: [line: string, expected: RegExp][] = [
    ['machine cach=64KiB', /no option cach; it has cache, eviction/],
    ['machine dirtyRatio=10', /did you mean vm.dirtyRatio\?/],
    ['machine cache=lots', /cache is 'lots'; it must be a size such as 4096, 64MiB/],
    ['machine cache', /"cache" is no option; write NAME=VALUE, such as cache=64KiB/],
    ['machine cache=1MiB cache=2MiB', /cache is given twice/],
    ['drive disk', /"disk" is no model of a drive; write drive instant, drive fixed, drive hdd/],
    ['drive ssd rpm=7200', /A drive of model ssd has no option rpm/],
    ['fault eio', /a fault is a drive and a rule; write fault drive0 eio/],
    ['fault drive3 eio', /there is no drive3 above this line/],
    ['fault drive0 eioo', /eioo.*must be one of eio/],
    ['file log', /a file needs room; write capacity=1MiB/],
    ['client app', /a client is a name and an entrance, one of aio, usrbio/],
    ['writ 0 4KiB', /"writ" is nothing that a client can do; it can read, write/],
    ['write 0', /write needs where and how much; write write 8KiB 4KiB/],
    ['write 0 4KiB often', /"often" says nothing about a write; it may be x100/],
    ['wait', /wait takes 1 behind it/],
    ['rename /a', /rename takes 2 behind it/],
    ['note dirty: x', /"dirty" is no kind of record; there are none, operationStarted/],
    ['note dirtied', /write note dirtied 2: text/],
  ];
  for (const [line, expected] of cases) {
    const { problems } = parseSceneText(`drive hdd\nchapter One\nwrite 0 4KiB\n${line}`);
    assert.is(problems[0]?.line, 4, line);
    assert.match(problems[0]?.message ?? '', expected);
  }
  assert.match(parseSceneText('write 0 1').problems[0]?.message ?? '', /belongs to a chapter/);
  assert.match(
    parseSceneText('hello').problems[0]?.message ?? '',
    /"hello" begins no line; there are id, title/,
  );
  assert.match(parseSceneText('').problems[0]?.message ?? '', /nothing is done yet/);
  const two = parseSceneText('machine x=1\nchapter One\nread');
  assert.equal(
    two.problems.map(({ line }) => line),
    [1, 3],
  );
});

text('what the machine refuses is found at the line that asked for it', () => {
  const lines: [message: string, line: number][] = [
    ['cache is 1 pages; it must be more', 3],
    ['vm.dirtyRatio is 900; it must be less', 3],
    ['drives[0].parameters.rpm is 5; it must be more', 4],
    ['drives[0].faults[0].on is x; it must be y', 5],
    ['files[0].capacity is 5; it must be more', 6],
    ['clients[1].entrance is x; it must be y', 8],
    ['chapters[0].work[0].offset is x; it must be y', 12],
  ];
  for (const [message, line] of lines)
    assert.equal(locateProblem(EXAMPLE.replace('other one: flush', ''), message), { line, message });
});

text.run();
