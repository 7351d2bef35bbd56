// Recipes: a finding as JSON, and the way back to its image without the seed, in another process too.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { recipeFinding } from '../../../src/explore/recipe-finding.ts';
import {
  type ExploreDeviceOptions,
  explore,
  exploreDevice,
  type Finding,
  parseRecipe,
  type Recipe,
  rerun,
  rerunDevice,
} from '../../../src/index.ts';

const recipes = suite('explore/recipe');

/** A log record and a page, no flush between them; torn states and damage count. */
const store = {
  model: { damage: 'garbage' },
  workload({ device, ack }) {
    device.write(0, new Uint8Array(1024).fill(1));
    device.write(8, new Uint8Array(1024).fill(2));
    device.flush();
    ack(1);
  },
  recover({ device }) {
    const [log, page] = [device.read(0, 2), device.read(8, 2)];
    if (page.some((byte) => byte !== 0) && log.some((byte) => byte !== 1)) throw new Error('no log record');
  },
} satisfies ExploreDeviceOptions<number>;

const verdict = await exploreDevice<number>({ ...store, seed: 7, explain: false, flushes: false });
const { findings } = await exploreDevice<number>({ ...store, seed: 7, flushes: false });
const recipe = findings[0]?.recipe as Recipe;

recipes('39: it leads to the same image and the same failure, with another seed', async () => {
  const again = await rerunDevice(JSON.stringify(recipe), { ...store, seed: 99 });
  assert.is(again.error, findings[0]?.error);
  assert.match(again.errorStack ?? '', /recipe\.test\.ts/);
  assert.is(again.image.hash, recipe.image);
});

recipes('garbage is part of it: what is torn and damaged is built again as it was', async () => {
  const damaged = verdict.findings[0]?.recipe as Recipe;
  const states = damaged.states.flatMap(({ losses }) => losses);
  assert.ok(states.length > 0);
  const again = await rerunDevice(damaged, { ...store, seed: 12345 });
  assert.is(again.image.hash, damaged.image);
});

recipes('39: so does a fresh process, from a file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-recipe-'));
  const entry = fileURLToPath(new URL('../../../src/index.ts', import.meta.url));
  try {
    writeFileSync(path.join(folder, 'recipe.json'), JSON.stringify(recipe));
    writeFileSync(
      path.join(folder, 'again.mts'),
      `import { readFileSync } from 'node:fs';
      import { rerunDevice } from ${JSON.stringify(entry)};
      const again = await rerunDevice(readFileSync('recipe.json', 'utf8'), {
        ${store.workload.toString().replace(/\n/g, '\n        ')},
        ${store.recover.toString()},
      });
      console.log(JSON.stringify([again.error, again.image.hash]));`,
    );
    const tsx = fileURLToPath(import.meta.resolve('tsx'));
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', tsx, 'again.mts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.is(stdout.trim(), JSON.stringify([findings[0]?.error, recipe.image]), stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

recipes('options of the run are in it: they need not be given again', async () => {
  assert.equal(recipe.options, { model: { damage: 'garbage' }, seed: 7 });
  assert.is(recipe.kind, 'exploreDevice');
  const { workload, recover } = store;
  assert.is((await rerunDevice(recipe, { workload, recover })).image.hash, recipe.image);
});

recipes(
  'it tells its finding to who has only the recipe: what is missing, where it is, and the sentence',
  () => {
    const [finding] = findings;
    const told = recipe.finding;
    assert.is(told?.sentence, finding?.sentence);
    assert.is(told?.error, finding?.error);
    assert.equal(
      told?.missing,
      finding?.missing.map(({ what }) => what),
    );
    assert.is(told?.rows.at(-1)?.kind, 'crash');
    const missing = told?.rows.filter(({ fate }) => fate === 'missing' || fate === 'torn') ?? [];
    assert.ok(missing.length > 0);
    for (const { operation, offset, length } of missing)
      assert.equal([operation, offset, length], ['write', 0, 1024]);
    // who knows nothing of it follows the recipe all the same
    const { finding: _, ...older } = recipe;
    assert.equal(parseRecipe(JSON.stringify(older)), older);
  },
);

recipes('however long the workload, what it tells is short', () => {
  const [finding] = findings as [Finding];
  const row = { ...(finding.timeline[0] as Finding['timeline'][number]), what: 'x'.repeat(1000) };
  const timeline = Array.from({ length: 2000 }, (_, step) => ({ ...row, step }));
  const told = recipeFinding({ ...finding, timeline, error: 'y'.repeat(5000) }, undefined);
  assert.ok(JSON.stringify(told).length < 32 * 1024);
  assert.equal([told.rows.length, told.leftOut, told.error.length], [64, 1936, 240]);
  assert.equal([told.rows[31]?.step, told.rows[32]?.step, told.rows[63]?.step], [31, 1968, 1999]);
  const whole = { ...recipe, finding: told };
  assert.equal(parseRecipe(JSON.stringify(whole)), whole);
});

recipes('of files: the same, with names and sizes', async () => {
  const ledger = {
    profile: 'strict',
    workload({ fs, ack }) {
      fs.writeFileSync('/ledger', 'Ada owes 10', { flush: true });
      ack('Ada owes 10');
    },
    recover({ fs, must }) {
      if (must.length > 0 && !fs.existsSync('/ledger')) throw new Error('a debt is lost');
    },
  } satisfies Parameters<typeof explore<string>>[0];
  const found = (await explore<string>(ledger)).findings[0];
  const again = await rerun<string>(JSON.stringify(found?.recipe), ledger);
  assert.is(again.error, 'Error: a debt is lost');
  const mended = { ...ledger, recover: () => {} };
  assert.is(
    (await rerun<string>(found?.recipe as Recipe, mended)).error,
    undefined,
    'the check passes by now',
  );
});

/** What a crash leaves at first may hold `a` alone; the same bytes later must hold it: no single moment is wrong. */
const overlapping = {
  workload({ device, attempt, ack }) {
    attempt('a');
    device.write(16, new Uint8Array(512).fill(3));
    device.write(0, new Uint8Array(512).fill(1));
    attempt('b');
    device.write(8, new Uint8Array(512).fill(2));
    ack('a');
    device.flush();
    ack('b');
  },
  recover({ device, must, may }) {
    if (device.read(16, 1)[0] === 3 && device.read(0, 1)[0] === 0 && must.includes('a') && !may.includes('b'))
      throw new Error('a is lost');
  },
} satisfies ExploreDeviceOptions<string>;

recipes('what fails over several moments only is made small, and fails again', async () => {
  for (const explain of [true, false]) {
    const { findings } = await exploreDevice<string>({ ...overlapping, explain });
    const [finding] = findings;
    assert.is(finding?.error, 'Error: a is lost');
    const { recipe } = finding as Finding;
    const { range = [0, 0], ...narrow } = recipe;
    assert.ok(range[1] > range[0], `range ${range}`);
    const again = await rerunDevice<string>(JSON.stringify(recipe), overlapping);
    assert.is(again.error, 'Error: a is lost');
    assert.is((await rerunDevice<string>(narrow, overlapping)).error, undefined, 'at one moment it passes');
    if (explain) assert.ok((finding?.missing.length ?? 0) > 0, finding?.sentence);
  }
});

recipes('another workload or other options are told, not mistaken', async () => {
  const other = {
    ...store,
    workload: ({ device }: Parameters<typeof store.workload>[0]) =>
      device.write(0, new Uint8Array(512).fill(9)),
  };
  await rejects(
    () => rerunDevice(recipe, other),
    /recipe\.log is '[0-9a-f]+'; it must be [0-9a-f]+, the hash of what this workload writes/,
  );
  const elsewhere = { ...recipe, image: '0'.repeat(32) };
  await rejects(
    () => rerunDevice(elsewhere, store),
    /recipe\.image is '0{32}'; it must be [0-9a-f]{32}, the hash of the image built/,
  );
  await rejects(
    () => rerun(recipe, store as never),
    /recipe\.kind is 'exploreDevice'; it must be 'explore' here: rerunDevice follows it/,
  );
  const coarse = { ...store, unit: 4096 };
  const torn = {
    ...recipe,
    states: [{ step: 4, losses: [{ write: 0, kind: 'missing' as const, offset: 0, length: 512 }] }],
  };
  await rejects(() => rerunDevice(torn, coarse), /state\.losses/);
});

recipes('what is no recipe is refused with the field that is wrong', () => {
  const cases: [unknown, RegExp][] = [
    ['{', /^recipe is '\{'; it must be the JSON of a finding/],
    ['[]', /^recipe is '\[\]'; it must be an object/],
    [null, /^recipe is 'null'/],
    [{ ...recipe, sectorlab: 1 }, /^recipe\.sectorlab is 1; it must be a text/],
    [{ ...recipe, kind: 'x' }, /^recipe\.kind is 'x'; it must be 'explore', 'exploreDevice', 'log'/],
    [{ ...recipe, crash: 'fire' }, /^recipe\.crash is 'fire'/],
    [{ ...recipe, options: [] }, /^recipe\.options/],
    [{ ...recipe, log: '' }, /^recipe\.log/],
    [{ ...recipe, image: undefined }, /^recipe\.image is not given/],
    [{ ...recipe, range: [2] }, /^recipe\.range\[1\] is not given/],
    [{ ...recipe, range: [2, 1] }, /^recipe\.range is '\[2,1\]'; it must be two steps/],
    [{ ...recipe, states: {} }, /^recipe\.states is '\{\}'; it must be a list/],
    [{ ...recipe, states: [] }, /^recipe\.states is '\[\]'; it must be a list of one state and more/],
    [{ ...recipe, states: [{ step: -1, losses: [] }] }, /^recipe\.states\[0\]\.step is -1/],
    [{ ...recipe, states: [{ step: 1 }] }, /^recipe\.states\[0\]\.losses/],
    [{ ...recipe, finding: 1 }, /^recipe\.finding is '1'; it must be an object/],
    [{ ...recipe, finding: { ...recipe.finding, sentence: 1 } }, /^recipe\.finding\.sentence is 1/],
    [{ ...recipe, finding: { ...recipe.finding, missing: [1] } }, /^recipe\.finding\.missing\[0\] is 1/],
    [
      { ...recipe, finding: { ...recipe.finding, rows: new Array(65).fill(recipe.finding?.rows[0]) } },
      /^recipe\.finding\.rows is 65; it must be at most 64 entries/,
    ],
    [
      { ...recipe, finding: { ...recipe.finding, rows: [{ step: 1, kind: 'x', what: 'y' }] } },
      /^recipe\.finding\.rows\[0\]\.kind is 'x'/,
    ],
    [
      { ...recipe, states: [{ step: 1, losses: [{}] }] },
      /^recipe\.states\[0\]\.losses\[0\]\.write is not given/,
    ],
  ];
  for (const [input, message] of cases) assert.throws(() => parseRecipe(input), message);
  assert.equal(parseRecipe(JSON.stringify(recipe)), recipe);
});

recipes.run();

async function rejects(call: () => Promise<unknown>, message: RegExp): Promise<void> {
  const error = await call().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, RangeError);
  assert.match((error as Error).message, message);
}
