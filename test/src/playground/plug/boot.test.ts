// test-timeout: 60
// The boot of what a crash has left, as a run: it is the same each time, and its media marks say what the judge says.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_FLUSH, OP_READ, OP_WRITE, OP_WRITE_ZEROES } from '../../../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../../../assembly/limits.ts';
import type { CrashKind } from '../../../../src/crash-kinds.ts';
import { CELL_DURABLE, CELL_LOST, CELL_VOLATILE } from '../../../../src/playground/model/media.ts';
import { Run } from '../../../../src/playground/model/run.ts';
import type { StackState } from '../../../../src/playground/model/types.ts';
import { bootRun } from '../../../../src/playground/plug/boot-run.ts';
import { LOST, THERE } from '../../../../src/playground/plug/judge.ts';
import { placesOf } from '../../../../src/playground/plug/places.ts';
import { homesNamed } from '../../../../src/playground/plug/xv6.ts';
import { parseSceneText } from '../../../../src/playground/scene/text.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { ALL_FLUSHES, xv6Scene } from '../../../../src/playground/scenes/xv6-log.ts';
import { makePlug } from '../../../../src/playground/worker/plug.ts';
import type { Boot, CutRequest, PlugEngine, Stake } from '../../../../src/playground/worker/plug-protocol.ts';
import type { MachineRecord } from '../../../../src/records.ts';
import { type Played, playAhead } from '../support/engine.ts';

const boots = suite('boots after a crash');

interface Plugged {
  readonly plug: PlugEngine;
  readonly played: Played;
  readonly run: Run;
}

async function plugged(scene: Scene): Promise<Plugged> {
  const played = await playAhead(scene);
  const run = new Run(played.shape, scene);
  for (const part of played.parts) run.add(part);
  return { plug: makePlug(played.bench), played, run };
}

const sceneOf = (id: string): Scene => {
  const scene = SCENES.find((one) => one.id === id);
  if (scene === undefined) throw new Error(`no scene ${id}`);
  return scene;
};

const cutAt = (step: number, kept: readonly boolean[], crash: CrashKind = 'power'): CutRequest => ({
  step,
  crash,
  drive: 0,
  tearing: 0,
  kept,
});

/** Keeps every second write. */
const halfOf = ({ writes }: Stake): boolean[] => writes.map((_, index) => index % 2 === 0);

const hashOf = (boot: Boot | undefined): bigint | undefined => boot?.parts.at(-1)?.hashes.at(-1);

const FEW = ['write-to-media', 'lying-drive', 'rename-replace', 'fsync-storm', 'xv6-log', 'qemu-disk'];

for (const id of FEW)
  boots(
    `${id}: booted twice, the records are the same; each step has a chapter, the last is the last`,
    async () => {
      const { plug, played, run } = await plugged(sceneOf(id));
      for (const share of [0, 0.4, 0.7, 1]) {
        const step = Math.round(played.stepCount * share);
        const stake = await plug.stake(step, 0, 0);
        const request = cutAt(step, halfOf(stake));
        const [one, other] = [await plug.boot(request), await plug.boot(request)];
        assert.ok(one !== undefined && one.parts.length > 0, `it boots at step ${step}`);
        assert.is(hashOf(one), hashOf(other));
        const booted = bootRun(one as Boot, run.stateAt(step) as StackState, 'power');
        assert.ok(booted.isWhole);
        for (let at = 1; at <= booted.stepCount; at++)
          assert.ok(booted.scene.chapters[booted.chapterOf(at)] !== undefined, `step ${at} has a chapter`);
        const end = booted.stateAt(booted.stepCount) as StackState;
        assert.is(end.drives.flatMap(({ inService, waiting }) => [...inService, ...waiting]).length, 0);
      }
      // the machine before the cut is unharmed
      assert.is((await played.engine.stand(played.stepCount)).recordHash, played.hashOf(played.stepCount));
    },
  );

boots('the media’s marks after the cut are what the judge says of each sector', async () => {
  for (const scene of [sceneOf('write-to-media'), xv6Scene({ ...ALL_FLUSHES, log: false })]) {
    const { plug, played, run } = await plugged(scene);
    const places = placesOf(scene);
    let [lostCount, thereCount] = [0, 0];
    for (let step = 0; step <= played.stepCount; step++) {
      const stake = await plug.stake(step, 0, 0);
      if (stake.writes.length === 0) continue;
      const kept = halfOf(stake);
      const survivor = await plug.cut(cutAt(step, kept));
      const boot = (await plug.boot(cutAt(step, kept))) as Boot;
      const cut = bootRun(boot, run.stateAt(step) as StackState, 'power').stateAt(1) as StackState;
      const { media } = cut.drives[0] as StackState['drives'][number];
      assert.not.ok(media.includes(CELL_VOLATILE), `nothing is volatile behind the cut at step ${step}`);
      const lost = new Set<number>();
      stake.writes.forEach(({ sector, sectorCount }, index) => {
        for (let at = sector; at < sector + sectorCount; at++) {
          if (kept[index]) lost.delete(at);
          else lost.add(at);
        }
      });
      media.forEach((cell, sector) => {
        assert.is(cell === CELL_LOST, lost.has(sector), `sector ${sector} at step ${step}`);
      });
      for (const { row, sectors } of survivor.judged.writes) {
        const { target = '', offsetBytes = 0 } = survivor.rows[row] ?? {};
        const first = Math.floor(((places.get(target)?.offsetBytes ?? 0) + offsetBytes) / SECTOR_SIZE);
        sectors.forEach((state, index) => {
          const cell = media[first + index];
          if (state === THERE && !lost.has(first + index)) {
            assert.is(cell, CELL_DURABLE, `sector ${first + index} is there at step ${step}`);
            thereCount++;
          }
          if (cell === CELL_LOST && state === LOST) lostCount++;
        });
      }
    }
    assert.ok(lostCount > 0 && thereCount > 0, `${lostCount} lost, ${thereCount} there`);
  }
});

boots('recovery of the xv6 log copies what the header names, and says so', async () => {
  const { plug, played } = await plugged(sceneOf('xv6-log'));
  let copied = 0;
  for (let step = 0; step <= played.stepCount; step++) {
    const stake = await plug.stake(step, 0, 0);
    const request = cutAt(
      step,
      stake.writes.map(() => true),
    );
    const { xv6 } = await plug.cut(request);
    const { scene } = (await plug.boot(request)) as Boot;
    const titles = scene.chapters.map(({ title }) => title);
    assert.is(titles.includes('The log is copied home'), xv6?.named !== undefined, titles.join(', '));
    if (xv6?.named !== undefined) copied++;
  }
  assert.ok(copied > 0 && copied < played.stepCount);
});

boots(
  'behind a crash of the kernel the drive still holds what it had taken; a killed process boots nothing',
  async () => {
    const { plug, played, run } = await plugged(sceneOf('write-to-media'));
    let heldCount = 0;
    for (let step = 0; step <= played.stepCount; step += 3) {
      assert.is(await plug.boot(cutAt(step, [], 'process')), undefined);
      const boot = (await plug.boot(cutAt(step, [], 'os'))) as Boot;
      const stake = await plug.stake(step, 0, 0);
      const start = bootRun(boot, run.stateAt(step) as StackState, 'os').stateAt(0) as StackState;
      assert.is(start.drives[0]?.volatileWrites.length, stake.writes.length, `step ${step}`);
      heldCount += stake.writes.length;
    }
    assert.ok(heldCount > 0);
  },
);

/** A boot as a run, and what is told of each of its records. */
async function told(
  { plug, run }: Plugged,
  step: number,
  crash: CrashKind = 'power',
): Promise<{ titles: string[]; texts: string[]; records: { title: string; record: MachineRecord }[] }> {
  const stake = await plug.stake(step, 0, 0);
  const boot = (await plug.boot(cutAt(step, halfOf(stake), crash))) as Boot;
  const booted = bootRun(boot, run.stateAt(step) as StackState, crash);
  const titles = boot.scene.chapters.map(({ title }) => title);
  const records: { title: string; record: MachineRecord }[] = [];
  for (let at = 1; at <= booted.stepCount; at++) {
    const [first, end] = booted.recordsOf(at);
    for (let index = first; index < end; index++)
      records.push({ title: titles[booted.chapterOf(at)] ?? '', record: booted.recordAt(index) });
  }
  return { titles, texts: boot.scene.chapters.map(({ text }) => text), records };
}

const CUT = 'The power is cut';
const MOUNT = 'The volume is mounted';

boots('each thing that happens is told as what it is: the cut, the mount, the reading', async () => {
  for (const [id, hasVolume] of [
    ['write-to-media', false],
    ['rename-replace', true],
  ] as const) {
    const all = await plugged(sceneOf(id));
    const reading = hasVolume ? 'The files are read' : 'What is left is read';
    let cuts = 0;
    for (let step = 0; step <= all.played.stepCount; step += 2) {
      const { writes } = await all.plug.stake(step, 0, 0);
      for (const crash of ['power', 'os'] as const) {
        const { titles, records } = await told(all, step, crash);
        const isCut = crash === 'power' && writes.length > 0;
        if (isCut) cuts++;
        const expected = [...(isCut ? [CUT] : []), ...(hasVolume ? [MOUNT] : []), reading];
        assert.equal(titles, expected, `${crash} at step ${step}`);
        for (const { title, record } of records) {
          const isFate = record.kind === 'kept' || record.kind === 'lost';
          assert.is(title === CUT, isFate, `${record.kind} is told under ${title}`);
          if (record.kind === 'operationStarted') assert.is(title, reading);
          if (record.kind === 'commit') assert.is(title, MOUNT);
        }
        assert.ok(expected.every((title) => records.some((one) => one.title === title)));
      }
    }
    assert.ok(cuts > 0);
  }
});

/** A scene of one client on one drive. */
function written(...lines: readonly string[]): Scene {
  const { scene, problems } = parseSceneText(
    `drive ssd size=64MiB\nclient app aio drive0\nchapter One\n${lines.join('\n')}\n`,
  );
  assert.equal(problems, []);
  return scene as Scene;
}

/** Where the boot at the end of a scene reads, and what it says of it. */
async function readBack(scene: Scene): Promise<{ ranges: [number, number][]; text: string }> {
  const all = await plugged(scene);
  const { records, texts } = await told(all, all.played.stepCount);
  const ranges = records.flatMap(({ record }): [number, number][] =>
    record.kind === 'operationStarted' ? [[record.address, record.count]] : [],
  );
  return { ranges, text: texts.at(-1) ?? '' };
}

boots('each place that was written is read back once; places that touch or overlap are one', async () => {
  const lines = [
    'write 64KiB 4KiB',
    'write 0 8KiB',
    'write 4KiB 8KiB',
    'write 12KiB 1KiB',
    'write 8KiB 1KiB',
  ];
  const { ranges, text } = await readBack(written(...lines, 'write 128KiB 700'));
  assert.equal(ranges, [
    [0, 13 * 1024],
    [65536, 4096],
    [131072, 700],
  ]);
  assert.match(text, /read from the media again\.$/);
  assert.equal((await readBack(written('read 1MiB 4KiB'))).ranges, [[0, 4096]], 'nothing written: the front');
});

boots('what is not read back of many places, or of long ones, is said', async () => {
  const many = await readBack(written('write 0 512 x60 stride stride=64KiB'));
  assert.is(many.ranges.length, 48);
  assert.match(many.text, /again\. Here the first 48 of 60 places\.$/);
  const long = await readBack(written('write 0 64KiB x5', 'write 1MiB 256KiB'));
  assert.equal(long.ranges, [
    [0, 262144],
    [1048576, 262144],
  ]);
  assert.match(long.text, /again\. Of long places the first 256 KiB\.$/);
});

boots('each file that came up is read from its start, as long as it is', async () => {
  const all = await plugged(sceneOf('rename-replace'));
  for (const share of [0.3, 0.6, 1]) {
    const step = Math.round(all.played.stepCount * share);
    const stake = await all.plug.stake(step, 0, 0);
    const request = cutAt(step, halfOf(stake));
    const { files = [] } = await all.plug.cut(request);
    const boot = (await all.plug.boot(request)) as Boot;
    const shapes = boot.shape.files.filter(({ name }) => name.startsWith('/'));
    assert.equal(
      shapes.map(({ name, pageCount }) => [name, pageCount]),
      files.map(({ path, bytes }) => [path, Math.ceil(bytes / 4096)]),
    );
    const { records } = await told(all, step);
    const begun = records.filter(({ record }) => record.kind === 'operationStarted');
    assert.equal(
      begun.map(({ record }) => [record.device, record.address]),
      shapes.map(({ number }) => [number, 0]),
    );
    const ended = records.filter(({ record }) => record.kind === 'operationEnded');
    assert.equal(
      ended.map(({ record }) => record.detail),
      files.map(({ bytes }) => bytes),
    );
  }
});

boots(
  'recovery of a committed transaction writes its homes, flushes, empties the header, and flushes',
  async () => {
    const all = await plugged(sceneOf('xv6-log'));
    const kinds = new Set<string>();
    for (let step = 0; step <= all.played.stepCount; step++) {
      const { xv6 } = await all.plug.cut(cutAt(step, halfOf(await all.plug.stake(step, 0, 0))));
      const { records } = await told(all, step);
      const issued = records.flatMap(({ title, record }): [string, number, number, number][] =>
        record.kind === 'issued' && record.operation !== OP_READ
          ? [[title, record.operation, record.address, record.count]]
          : [],
      );
      const copied = 'The log is copied home';
      const emptied = 'The header is emptied';
      const homes = homesNamed(xv6?.named);
      const expected =
        homes.length === 0
          ? []
          : [
              ...homes.map((home) => [copied, OP_WRITE, home * 2, 2]),
              [copied, OP_FLUSH, 0, 0],
              [emptied, OP_WRITE_ZEROES, 4, 2],
              [emptied, OP_FLUSH, 0, 0],
            ];
      assert.equal(issued, expected, `step ${step}`);
      kinds.add(homes.join());
    }
    assert.equal([...kinds].sort(), ['', '3,4', '4,5']);
  },
);

boots.run();
