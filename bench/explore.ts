// How fast explore goes through crash images, for recoveries that do next to nothing: what is measured is the putting back of a machine, the
// image, and the mount. And what recording costs a workload.

import { nodeFs } from '../src/adapters/node-fs.ts';
import { explore, exploreDevice, Machine, type NodeFs, type Verdict } from '../src/index.ts';
import { count, printTable, times } from './table.ts';

export const title = 'how many crash images a second does explore check, and what does recording cost?';

const HOMES = 10;
const OPERATIONS = 20;
const RECORDED = 2_000;
const PLAIN = { explain: false, flushes: false } as const;

const sector = (value: number) => new Uint8Array(512).fill(value);

/** The log of xv6 with one transaction of ten homes. */
function xv6Log(): Promise<Verdict> {
  return exploreDevice<number>({
    ...PLAIN,
    workload({ device, ack }) {
      for (let home = 0; home < HOMES; home++) device.write(home, sector(home + 1));
      device.flush();
      device.write(HOMES, sector(HOMES));
      device.flush();
      for (let home = 0; home < HOMES; home++) device.write(HOMES + 1 + home, sector(home + 1));
      device.flush();
      device.write(HOMES, sector(0));
      device.flush();
      ack(1);
    },
    recover({ device }) {
      device.read(HOMES, 1);
    },
  });
}

function put(fs: NodeFs, index: number): void {
  const fd = fs.openSync('/log', 'a');
  fs.writeSync(fd, `key${index % 5}=${index}\n`);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

/** A log of key-value pairs, synced at each. */
function keyValues(): Promise<Verdict> {
  return explore<number>({
    ...PLAIN,
    workload({ fs, ack }) {
      for (let index = 0; index < OPERATIONS; index++) {
        put(fs, index);
        ack(index);
      }
    },
    recover({ fs }) {
      fs.existsSync('/log');
    },
  });
}

/** Milliseconds of `RECORDED` puts, with a write log or without. */
async function putting(isRecording: boolean): Promise<number> {
  const machine = await Machine.create({
    volume: { profile: 'strict' },
    blockSize: 512,
    writeLog: isRecording,
  });
  const fs = nodeFs(machine);
  const start = performance.now();
  for (let index = 0; index < RECORDED; index++) put(fs, index);
  return performance.now() - start;
}

export async function run(): Promise<void> {
  const rows: string[][] = [];
  for (const [name, explored] of [
    ['the log of xv6', xv6Log],
    ['20 puts to a log file', keyValues],
  ] as const) {
    const start = performance.now();
    const { checkedImages, states } = await explored();
    const perSecond = (checkedImages / (performance.now() - start)) * 1000;
    rows.push([name, count(states), count(checkedImages), count(Math.round(perSecond))]);
  }
  printTable(['workload', 'states', 'images', 'images/s'], rows);
  const plain = await putting(false);
  const recorded = await putting(true);
  console.log(
    `${RECORDED} puts: ${plain.toFixed(0)} ms, with a write log ${recorded.toFixed(0)} ms (${times(recorded / plain)})`,
  );
}
