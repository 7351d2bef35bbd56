// A redo log of one slot: a change is in the log, then acknowledged, then it goes home in the background. The mistake: the slot is used
// again before the change that it holds is durable at home.
//
// Layout in sectors: 0 the slot ('page value' with a checksum), 1 and on the pages.

import type { BlockDevice } from '../../../src/block-device.ts';
import { checkHistory, type DeviceSpecimen, readRecords, record, sector, textOf } from './specimen.ts';

const PAGES = 3;

class Pages {
  readonly #device: BlockDevice;
  readonly #isRepaired: boolean;
  readonly pages: string[];

  constructor(device: BlockDevice, isRepaired: boolean) {
    this.#device = device;
    this.#isRepaired = isRepaired;
    this.pages = Array.from({ length: PAGES }, (_, page) => textOf(device.read(1 + page, 1)));
  }

  get state(): string {
    return this.pages.join(',');
  }

  put(page: number, value: string): void {
    // the checkpoint: what the slot holds is durable at home
    if (this.#isRepaired) this.#device.flush();
    this.#device.write(0, sector(record(`${page} ${value}`)));
    this.#device.flush();
    this.pages[page] = value;
  }

  writeHome(page: number): void {
    this.#device.write(1 + page, sector(this.pages[page] as string));
  }

  recover(): void {
    const [change] = readRecords(textOf(this.#device.read(0, 1)));
    if (change === undefined) return;
    const [page, value] = change.split(' ') as [string, string];
    this.pages[Number(page)] = value;
  }
}

export const logReuse: DeviceSpecimen = {
  name: 'log reuse',
  mistake: 'uses the log again before the checkpoint is durable',
  level: 'device',
  expected: {
    missing: [/write\('drive0', 512 bytes at (512|1024)\)/],
    present: [/write\('drive0', 512 bytes at 0\)/],
    isLost: false,
    needsTearing: false,
    proof: 'a flush',
  },
  engine: (isRepaired) => ({
    workload({ device, ack }) {
      const pages = new Pages(device, isRepaired);
      for (let page = 0; page < PAGES; page++) {
        pages.put(page, `v${page}`);
        ack(pages.state);
        pages.writeHome(page);
      }
    },
    recover({ device, must, may }) {
      const pages = new Pages(device, isRepaired);
      pages.recover();
      checkHistory(pages.state, ',,', { must, may });
    },
  }),
};
