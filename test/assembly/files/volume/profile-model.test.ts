// test-timeout: 120
// Random calls on a volume with records: the trees that a crash may leave are exactly those of a naive model of effects.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileSystem } from '../../../../src/fs/file-system.ts';
import { BUILDS } from '../../../support/machine.ts';
import { dice } from './crash-log.ts';
import { NaiveFiles } from './naive-files.ts';
import { type Options, RECORD_PROFILES, recordRun, treesOf } from './profile-support.ts';

const PATHS = ['/a', '/b', '/d/a', '/d/b'];
const LETTERS = 'uvwxyz';
const MOST_UNCERTAIN = 5;
const PROGRAMS = { release: 12, debug: 3 };

interface Call {
  readonly text: string;
  readonly onCore: (fs: FileSystem) => void;
  readonly onModel: (files: NaiveFiles) => void;
}

function onFile(
  fs: FileSystem,
  path: string,
  flags: string,
  call: (file: ReturnType<FileSystem['open']>) => void,
) {
  const file = fs.open(path, flags);
  call(file);
  file.close();
}

/** A call that will succeed on the model as it stands, or undefined. */
function randomCall(files: NaiveFiles, roll: (below: number) => number): Call | undefined {
  const pick = (wanted: boolean) => {
    const paths = PATHS.filter(
      (path) => files.has(path) === wanted && (!path.startsWith('/d') || files.has('/d')),
    );
    return paths.length === 0 ? undefined : paths[roll(paths.length)];
  };
  const some = pick(true);
  const free = pick(false);
  const target = roll(2) === 0 ? pick(true) : pick(false);
  const letters = (LETTERS[roll(LETTERS.length)] as string).repeat(1 + roll(100));
  const which = roll(12);
  if (which === 0 && !files.has('/d'))
    return { text: 'mkdir /d', onCore: (fs) => fs.mkdir('/d'), onModel: (it) => it.mkdir('/d') };
  if (which <= 2 && free !== undefined)
    return {
      text: `create ${free}`,
      onCore: (fs) => onFile(fs, free, 'wx', () => {}),
      onModel: (it) => it.create(free),
    };
  if (which === 11) return { text: 'sync', onCore: (fs) => fs.sync(), onModel: (it) => it.sync() };
  if (some === undefined) return undefined;
  if (which === 3) {
    const offset = roll(2) === 0 ? 0 : Math.min(files.size(some), 4000);
    if (offset + letters.length > 4096) return undefined;
    return {
      text: `write ${some} ${letters} at ${offset}`,
      onCore: (fs) =>
        onFile(fs, some, 'r+', (file) => file.pwrite(new TextEncoder().encode(letters), offset)),
      onModel: (it) => it.write(some, letters, offset),
    };
  }
  if (which <= 5) {
    if ((files.size(some) % 4096) + letters.length > 4096) return undefined;
    return {
      text: `append ${some} ${letters}`,
      onCore: (fs) => fs.appendFile(some, letters),
      onModel: (it) => it.append(some, letters),
    };
  }
  if (which === 6) {
    const size = [0, 50, 4096, 8192][roll(4)] as number;
    return {
      text: `truncate ${some} ${size}`,
      onCore: (fs) => fs.truncate(some, size),
      onModel: (it) => it.truncate(some, size),
    };
  }
  if (which === 7 && target !== undefined && target !== some)
    return {
      text: `rename ${some} ${target}`,
      onCore: (fs) => fs.rename(some, target),
      onModel: (it) => it.rename(some, target),
    };
  if (which === 8 && free !== undefined)
    return {
      text: `link ${some} ${free}`,
      onCore: (fs) => fs.link(some, free),
      onModel: (it) => it.link(some, free),
    };
  if (which === 9)
    return { text: `unlink ${some}`, onCore: (fs) => fs.unlink(some), onModel: (it) => it.unlink(some) };
  if (which === 10) {
    const path = [some, '/', files.has('/d') ? '/d' : '/'][roll(3)] as string;
    return {
      text: `fsync ${path}`,
      onCore: (fs) => onFile(fs, path, 'r', (file) => file.fsync()),
      onModel: (it) => it.fsync(path),
    };
  }
  return undefined;
}

function randomProgram(options: Options, seed: number): { calls: Call[]; files: NaiveFiles } {
  const roll = dice(seed);
  const isSafe = options.promises?.includes('SAFE_APPEND') ?? false;
  const files = new NaiveFiles(options.profile, isSafe);
  const calls: Call[] = [];
  const wanted = 3 + roll(6);
  for (let tries = 0; calls.length < wanted && files.uncertain < MOST_UNCERTAIN && tries < 50; tries++) {
    const call = randomCall(files, roll);
    if (call === undefined) continue;
    call.onModel(files);
    calls.push(call);
  }
  return { calls, files };
}

for (const build of BUILDS) {
  const model = suite(`files/volume/profile-model (${build})`);

  for (const profile of RECORD_PROFILES) {
    for (const promises of [[], ['SAFE_APPEND']] as const) {
      model(
        `${profile} ${promises}: random calls leave the trees of the naive model, no more and no less`,
        async () => {
          for (let seed = 1; seed <= PROGRAMS[build]; seed++) {
            const options = { profile, promises };
            const { calls, files } = randomProgram(options, seed);
            const run = await recordRun(build, options, (fs) => {
              for (const call of calls) call.onCore(fs);
            });
            const text = `seed ${seed}: ${calls.map((call) => call.text).join('; ')}`;
            assert.equal(await treesOf(build, run), files.trees(), text);
          }
        },
      );
    }
  }

  model.run();
}
