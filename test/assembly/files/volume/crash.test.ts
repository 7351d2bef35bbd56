// test-timeout: 120
// Power cuts: whatever subset of the uncertain sectors survives, the volume mounts, its check finds nothing, and its names are
// those after some call: none before the last that a sync has answered for, none after the last that had begun.
//
// Random calls with syncs run on a drive whose every write is logged; at sampled moments the media is built with nothing kept,
// everything kept, prefixes, all writes but one, one write alone, and random sectors of any write. Mounting is cut as well.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTER_JOURNAL_CHECKPOINTS, RENAME_EXCHANGE } from '../../../../assembly/layout.ts';
import { SparseMemory } from '../../../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import { BUILDS, type Build, EXACT } from '../../../support/machine.ts';
import { type Choice, CrashLog, choices, dice } from './crash-log.ts';
import { RawVolume } from './raw-volume.ts';

const SIZE = 262144;
const crash = suite('files/volume/crash');
const CONFIG = {
  ...EXACT,
  cache: '128KiB',
  buffers: 65536,
  sharedMemory: 65536,
  aioMaxNr: 64,
  limits: { operations: 64, bios: 64, spans: 2048, virtioRequests: 16, bluestoreAios: 16, usrbioParts: 16 },
  drives: [{ size: SIZE }],
  volume: { inodes: 64, extents: 32, mount: false },
} as const satisfies MachineConfig;

/** Everything that names make: a line for each path, with its inode and links. */
function stateOf(volume: RawVolume, path = ''): string {
  const entries = volume.list(`${path}/`);
  if (typeof entries === 'number') throw new Error(`${path}: ${entries}`);
  const lines = entries
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .map(({ name, inode, type }) => {
      const below = type === 4 ? stateOf(volume, `${path}/${name}`) : '';
      const stat = volume.stat(`${path}/${name}`);
      return `${path}/${name} ${inode} ${typeof stat === 'number' ? stat : stat.links}\n${below}`;
    });
  return lines.join('');
}

/** One random call. True when it was a sync that answered 0. */
function randomCall(volume: RawVolume, roll: (below: number) => number): boolean {
  const path = () =>
    `${['', '', '', '/d', '/d/e', '/g'][roll(6)]}/${['a', 'b', 'c', 'd', 'e', 'g'][roll(6)]}`;
  const which = roll(16);
  if (which < 4) volume.create(path());
  else if (which < 6) volume.mkdir(path());
  else if (which < 8) volume.unlink(path());
  else if (which < 9) volume.rmdir(path());
  else if (which < 12) volume.rename(path(), path());
  else if (which < 13) volume.rename(path(), path(), RENAME_EXCHANGE);
  else if (which < 14) volume.link(path(), path());
  else if (which < 15) return volume.syncAll() === 0;
  else volume.machine.advance(3e9);
  return false;
}

async function mountLeft(build: Build, memory: SparseMemory): Promise<RawVolume> {
  const volume = await RawVolume.open(build, { ...CONFIG, drives: [{ size: SIZE, memory }] });
  const result = volume.mount();
  assert.is(result, 0, `mount: ${result} ${volume.check().join('; ')}`);
  assert.equal(volume.check(), []);
  return volume;
}

interface Played {
  readonly log: CrashLog;
  /** The state after each call, the state at the start first. */
  readonly states: string[];
  /** Events of the log when each call had ended. */
  readonly ends: number[];
  /** For each call, how many calls a sync had answered for when it had ended. */
  readonly synced: number[];
}

/** Makes a file, or takes one that is six calls old, and syncs. */
function turnOver(volume: RawVolume, call: number): boolean {
  assert.is(call < 8 || call % 2 === 1 ? volume.create(`/f${call}`) : volume.unlink(`/f${call - 7}`), 0);
  return volume.syncAll() === 0;
}

/** Plays random calls on a volume that a format has made, or that `initial` holds. `isSyncing`: files come and go, each change is synced. */
async function play(
  build: Build,
  seed: number,
  calls: number,
  initial?: SparseMemory,
  isSyncing = false,
): Promise<Played> {
  const log = await CrashLog.open(build, CONFIG, initial);
  const volume = new RawVolume(log.machine);
  const roll = dice(seed);
  if (initial === undefined) assert.is(volume.format(), 0);
  assert.is(volume.mount(), 0);
  for (const path of ['/d', '/d/e', '/g']) volume.mkdir(path);
  assert.is(volume.syncAll(), 0);
  log.drain();
  const states = [stateOf(volume)];
  const ends = [log.length];
  const synced = [0];
  for (let call = 1; call <= calls; call++) {
    const isSynced = isSyncing ? turnOver(volume, call) : randomCall(volume, roll);
    log.drain();
    states.push(stateOf(volume));
    ends.push(log.length);
    synced.push(isSynced ? call : (synced.at(-1) as number));
  }
  assert.equal(volume.check(), []);
  return { log, states, ends, synced };
}

/** Cuts the power at `moments` sampled moments behind the start, in all ways. Returns one of the media that were left. */
async function cutAll(build: Build, played: Played, seed: number, moments: number): Promise<SparseMemory> {
  const { log, states, ends, synced } = played;
  const roll = dice(seed);
  const first = ends[0] as number;
  const span = (ends.at(-1) as number) - first;
  const at = Array.from({ length: moments }, () => first + roll(span + 1)).sort(
    (left, right) => left - right,
  );
  let last = new SparseMemory(SIZE);
  for (const moment of at) {
    log.replayTo(moment);
    const done = ends.findLastIndex((end) => end <= moment);
    const legal = states.slice(synced[done], done + 2);
    for (const choose of choices(log.uncertainWrites(), roll)) {
      last = log.cut(choose);
      const volume = await mountLeft(build, last);
      const state = stateOf(volume);
      assert.ok(legal.includes(state), `seed ${seed} moment ${moment}: an illegal state\n${state}`);
    }
  }
  return last;
}

for (const build of BUILDS) {
  crash(
    `${build}: after any cut the state is that of a call between the last sync and the last call`,
    async () => {
      for (const seed of [1, 2]) {
        const played = await play(build, seed, 120);
        await cutAll(build, played, seed, 7);
      }
    },
  );

  crash(
    `${build}: and again on what a cut has left, where the journal ends in a torn transaction`,
    async () => {
      let left: SparseMemory | undefined;
      for (let seed = 10; seed < 14; seed++) {
        const played = await play(build, seed, 40, left);
        left = await cutAll(build, played, seed, 4);
      }
    },
  );

  crash(`${build}: and while checkpoints empty the journal`, async () => {
    const played = await play(build, 5, 80, undefined, true);
    assert.ok(played.log.machine.core.counter(COUNTER_JOURNAL_CHECKPOINTS) >= 2);
    await cutAll(build, played, 5, 8);
  });

  crash(`${build}: a cut while a mount or an unmount writes loses nothing`, async () => {
    const { log, ends } = await play(build, 20, 60);
    const first = ends[0] as number;
    const roll = dice(20);
    for (let cut = 1; cut <= 8; cut++) {
      log.replayTo(first + Math.floor(((log.length - first) * cut) / 8) - (cut & 1));
      const choose = choices(log.uncertainWrites(), roll)[cut - 1] as Choice;
      const media = log.cut(choose);
      const again = await CrashLog.open(build, CONFIG, media);
      const volume = new RawVolume(again.machine);
      assert.is(volume.mount(), 0);
      const state = stateOf(volume);
      assert.is(volume.unmount(), 0);
      again.drain();
      for (let moment = 0; moment <= again.length; moment += 1 + roll(3)) {
        again.replayTo(moment);
        const ways = choices(again.uncertainWrites(), roll);
        const way = ways[roll(ways.length)] as Choice;
        assert.is(stateOf(await mountLeft(build, again.cut(way))), state);
      }
    }
  });

  crash(`${build}: a torn transaction is never completed by the sectors of a later one`, async () => {
    const first = await CrashLog.open(build, CONFIG);
    const volume = new RawVolume(first.machine);
    assert.equal([volume.format(), volume.mount(), volume.create('/a')], [0, 0, 0]);
    first.machine.holdCompletions(true);
    volume.syncAll();
    while (first.machine.heldCompletions() > 0 && first.uncertainWrites().length === 0) {
      first.machine.releaseCompletion();
      first.drain();
      first.replayTo(first.length);
    }
    // a header, a sector of inodes, and the name, which comes too late
    const sectors = new Set<number>();
    first.cut((sector) => {
      sectors.add(sector);
      return 0;
    });
    assert.is(sectors.size, 3);
    const name = Math.max(...sectors);
    const torn = first.cut((sector) => (sector === name ? 0 : 1));
    const second = await CrashLog.open(build, CONFIG, torn);
    const again = new RawVolume(second.machine);
    assert.equal([again.mount(), again.names('/')], [0, []]);
    again.machine.advance(1e9);
    assert.is(again.create('/a'), 0);
    second.machine.holdCompletions(true);
    again.syncAll();
    for (let turn = 0; turn < 4 && second.machine.heldCompletions() > 0; turn++) {
      second.drain();
      second.replayTo(second.length);
      const left = await mountLeft(
        build,
        second.cut((sector) => (sector === name ? 1 : 0)),
      );
      assert.equal(left.names('/'), [], 'the first life of /a does not come back');
      second.machine.releaseCompletion();
    }
  });

  crash(`${build}: a cut while a format runs leaves a blank drive or an empty volume`, async () => {
    const before = await play(build, 30, 30);
    before.log.replayTo(before.log.length);
    const everything = () => before.log.cut((_sector, versions) => versions.length);
    const old = stateOf(await mountLeft(build, everything()));
    const log = await CrashLog.open(build, CONFIG, everything());
    const volume = new RawVolume(log.machine);
    assert.is(volume.format(), 0);
    log.drain();
    const roll = dice(30);
    const seen = new Set<number>();
    for (let moment = 0; moment <= log.length; moment++) {
      log.replayTo(moment);
      for (const choose of choices(log.uncertainWrites(), roll).slice(0, 6)) {
        const after = await RawVolume.open(build, {
          ...CONFIG,
          drives: [{ size: SIZE, memory: log.cut(choose) }],
        });
        const result = after.mount();
        seen.add(result);
        if (result !== 0) continue;
        assert.equal(after.check(), []);
        const isEmpty = stateOf(after) === '';
        const isOld = stateOf(after) === old;
        assert.ok(isEmpty || (isOld && moment < 4), `moment ${moment}`);
      }
    }
    assert.ok(
      [...seen].every((result) => result === 0 || result === -61),
      [...seen].join(),
    );
    assert.equal(seen.size, 2);
  });
}

crash.run();
