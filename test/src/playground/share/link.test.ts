// Links: what is encoded is decoded, and no fragment does anything but open a scene or say why not.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { applyChanges, type Changes, changesOf, ownScene } from '../../../../src/playground/scene/changes.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { FIRST_SCENE, SCENES } from '../../../../src/playground/scenes/index.ts';
import { decodeLink, encodeLink, LinkError } from '../../../../src/playground/share/link.ts';

const link = suite('share link');
const OWN: Scene = { ...FIRST_SCENE, id: 'mine', title: 'Mine – & = # ü' };
const HASH = '00ff12ab34cd56ef';

const changes: fc.Arbitrary<Changes> = fc.record(
  {
    'machine.cache': fc.oneof(fc.integer({ min: 4096, max: 1 << 24 }), fc.constant('64KiB')),
    'machine.merge': fc.boolean(),
    'machine.seed': fc.nat(),
    'machine.eviction': fc.constantFrom('lru', 'linux', 'clock', null),
    'machine.vm.dirtyRatio': fc.option(fc.integer({ min: 0, max: 100 })),
    'machine.drives[0].model': fc.constantFrom('hdd', 'ssd'),
    'machine.drives[0].parameters': fc.constant(null),
    'machine.drives[0].faults': fc.array(fc.constantFrom('eio on=write nth=2', 'rot bits=3 offset=1%&=#')),
    'machine.volume.inodes': fc.nat(1000),
    'clients[0].depth': fc.integer({ min: 1, max: 256 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

async function messageOf(fragment: string): Promise<string> {
  try {
    await decodeLink(fragment, SCENES);
  } catch (error) {
    assert.instance(error, LinkError);
    return (error as Error).message;
  }
  return '';
}

link('decodes what it encodes: scene, changes, step and hash', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(FIRST_SCENE, OWN),
      changes,
      fc.option(fc.nat(999_999_999), { nil: undefined }),
      fc.option(fc.constant(HASH), { nil: undefined }),
      async (own, changed, step, hash) => {
        const scene = applyChanges(own, changed);
        const decoded = await decodeLink(`#${await encodeLink({ scene, step, hash }, SCENES)}`, SCENES);
        assert.equal(decoded, { scene, step, hash });
        assert.equal(ownScene(decoded?.scene as Scene), own);
        assert.equal(changesOf(decoded?.scene as Scene), changed);
      },
    ),
  );
});

link('names a scene of the gallery and does not hold it', async () => {
  const scene = applyChanges(FIRST_SCENE, { 'machine.merge': false, 'machine.eviction': null });
  assert.is(
    await encodeLink({ scene, step: 12, hash: HASH }, SCENES),
    `v1&scene=${FIRST_SCENE.id}&machine.merge=false&machine.eviction=&step=12&hash=${HASH}`,
  );
});

link('opens a plain #scene=ID, and nothing for an empty fragment', async () => {
  assert.equal(await decodeLink(`#scene=${FIRST_SCENE.id}`, SCENES), {
    scene: FIRST_SCENE,
    step: undefined,
    hash: undefined,
  });
  assert.is(await decodeLink('', SCENES), undefined);
  assert.is(await decodeLink('#', SCENES), undefined);
});

link('says what is wrong with a link in words', async () => {
  const data = (await encodeLink({ scene: OWN, step: undefined, hash: undefined }, SCENES)).slice(3);
  const bomb = await deflated(' '.repeat(20_000_000));
  const cases: [string, RegExp][] = [
    ['v9&scene=x', /form v9; this page reads v1/],
    ['v1&scene=nowhere', /the scene "nowhere", which this page does not have/],
    ['v1', /must name a scene, or hold one/],
    [`v1&scene=${FIRST_SCENE.id}&${data}`, /must name a scene, or hold one/],
    [`v1&scene=${FIRST_SCENE.id}&step=-1`, /step "-1", which is no whole number/],
    [`v1&scene=${FIRST_SCENE.id}&hash=xyz`, /record hash "xyz" is none/],
    [`v1&scene=${FIRST_SCENE.id}&step=1&step=2`, /"step" twice/],
    [`v1&scene=${FIRST_SCENE.id}&machine.cache=yes`, /machine.cache is yes, which is no value/],
    [`v1&scene=${FIRST_SCENE.id}&chapters=1`, /"chapters" names no option/],
    [`v1&scene=${FIRST_SCENE.id}&machine.drives[7].model=1`, /not in this scene: it has no \[7\]/],
    [`v1&scene=${FIRST_SCENE.id}&machine.__proto__.x=1`, /names no option/],
    [`v1&scene=${FIRST_SCENE.id}&%E0%A4=1`, /can not be opened/],
    ...[27, 28, 29, 30].map((cut): [string, RegExp] => [
      `v1&${data.slice(0, -cut)}`,
      /damaged: part of the link may be missing/,
    ]),
    ['v1&data=AA!A', /letters that do not belong there/],
    [`v1&data=${bomb}`, /larger than the 8 MiB that are read/],
    ['x'.repeat(400_001), /400001 characters long/],
  ];
  for (const [fragment, expected] of cases) assert.match(await messageOf(fragment), expected, fragment);
});

link('never throws anything but a LinkError, whatever the fragment is', async () => {
  const good = await encodeLink({ scene: OWN, step: 3, hash: HASH }, SCENES);
  const short = await encodeLink(
    { scene: applyChanges(FIRST_SCENE, { 'machine.vm.dirtyRatio': 5 }), step: 3, hash: HASH },
    SCENES,
  );
  const cut = fc
    .tuple(fc.constantFrom(good, short), fc.nat(), fc.nat(), fc.string())
    .map(([text, from, count, middle]) => {
      const at = from % text.length;
      return text.slice(0, at) + middle + text.slice(at + (count % 5));
    });
  await fc.assert(
    fc.asyncProperty(fc.oneof(cut, fc.string(), fc.webFragments()), async (fragment) => {
      await messageOf(fragment);
    }),
    { numRuns: 1000 },
  );
});

async function deflated(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return Buffer.from(await new Response(stream).arrayBuffer()).toString('base64url');
}

link.run();
