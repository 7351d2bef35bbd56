// The parameters that drives of flash memory have, with the numbers and ranges of both models.
//
// Verbs: flashParameters. Defaults and where they come from are each model's own: ssd.ts, nvme.ts. The core has the same
// ranges (assembly/drive/models/parameters.ts); a test compares them.

import * as layout from '../../../assembly/layout.ts';
import type { ModelParameter } from './parameter.ts';

const NO_YES = ['no', 'yes'] as const;
const SECOND = 1e9;

type Row = Omit<ModelParameter, 'name' | 'default' | 'source'>;

const ROWS = {
  channels: {
    index: layout.FLASH_CHANNELS,
    unit: 'count',
    minimum: 1,
    maximum: 64,
    meaning: 'buses between controller and dies, each moves one page at a time',
  },
  diesPerChannel: {
    index: layout.FLASH_DIES,
    unit: 'count',
    minimum: 1,
    maximum: 64,
    meaning: 'dies of a channel, each does one thing at a time',
  },
  pageSize: {
    index: layout.FLASH_PAGE_BYTES,
    unit: 'bytes',
    minimum: 4096,
    maximum: 262144,
    isPowerOfTwo: true,
    meaning: 'what a die programs, or senses, at once (all planes together); the mapping counts in 4 KiB',
  },
  blockPages: {
    index: layout.FLASH_BLOCK_PAGES,
    unit: 'count',
    minimum: 1,
    maximum: 8192,
    meaning:
      'pages that are erased together; halved for a small drive until its data takes 32 blocks of each die, and the time of an erase with them',
  },
  readNs: {
    index: layout.FLASH_READ_NS,
    unit: 'ns',
    minimum: 0,
    maximum: SECOND,
    meaning: 'a die senses a page (tR)',
  },
  programNs: {
    index: layout.FLASH_PROGRAM_NS,
    unit: 'ns',
    minimum: 0,
    maximum: SECOND,
    meaning: 'a die programs a page (tPROG)',
  },
  eraseNs: {
    index: layout.FLASH_ERASE_NS,
    unit: 'ns',
    minimum: 0,
    maximum: 10 * SECOND,
    meaning: 'a die erases a block (tBERS)',
  },
  channelBandwidth: {
    index: layout.FLASH_CHANNEL_RATE,
    unit: 'bytes/s',
    minimum: 1e6,
    maximum: 1e12,
    meaning: 'what one channel moves',
  },
  interfaceBandwidth: {
    index: layout.FLASH_LINK_RATE,
    unit: 'bytes/s',
    minimum: 1e6,
    maximum: 1e12,
    meaning: 'what the interface to the host moves',
  },
  fullDuplex: {
    index: layout.FLASH_DUPLEX,
    unit: 'choice',
    minimum: 0,
    maximum: 1,
    choices: NO_YES,
    meaning: 'reads and writes do not wait for each other at the interface',
  },
  readCommandNs: {
    index: layout.FLASH_READ_COMMAND,
    unit: 'ns',
    minimum: 0,
    maximum: SECOND,
    meaning:
      'a read holds the interface beside its transfer: the reciprocal of this and the transfer bounds its rate',
  },
  writeCommandNs: {
    index: layout.FLASH_WRITE_COMMAND,
    unit: 'ns',
    minimum: 0,
    maximum: SECOND,
    meaning: 'a write, discard or flush holds the interface beside its transfer',
  },
  readDelayNs: {
    index: layout.FLASH_READ_DELAY,
    unit: 'ns',
    minimum: 0,
    maximum: SECOND,
    meaning: 'what a read takes in controller and host beside all else, without holding anything',
  },
  writeDelayNs: {
    index: layout.FLASH_WRITE_DELAY,
    unit: 'ns',
    minimum: 0,
    maximum: SECOND,
    meaning: 'the same of a write, discard or flush',
  },
  writeBuffer: {
    index: layout.FLASH_BUFFER,
    unit: 'bytes',
    minimum: 0,
    maximum: 2 ** 30,
    meaning:
      'writes complete when they are in it, and wait when it is full; 0: each write waits for its program',
  },
  flashCapacity: {
    index: layout.FLASH_CAPACITY,
    unit: 'bytes',
    minimum: 0,
    maximum: 2 ** 40,
    meaning:
      "bytes that the translation layer maps; 0: the drive's size, at most 4 GiB. A larger drive's addresses are folded modulo it",
  },
  overProvisioning: {
    index: layout.FLASH_SPARE,
    unit: 'percent',
    minimum: 1,
    maximum: 400,
    meaning: 'blocks beyond those that the data takes, in percent of them, at least one a die',
  },
  freeBlocks: {
    index: layout.FLASH_FREE_BLOCKS,
    unit: 'count',
    minimum: 1,
    maximum: 64,
    meaning:
      'a die that has taken a block to write into and has fewer free ones than this collects; in addition to the over-provisioning',
  },
  preemptiveCollection: {
    index: layout.FLASH_PREEMPTIVE,
    unit: 'choice',
    minimum: 0,
    maximum: 1,
    choices: NO_YES,
    meaning:
      'reads get in between the moves of a collection; else it holds its die from the first read to the erase',
  },
  filled: {
    index: layout.FLASH_FILLED,
    unit: 'percent',
    minimum: 0,
    maximum: 100,
    meaning:
      'part of the capacity that was written once before the start; reads of the rest take no time of a die',
  },
  fillOrder: {
    index: layout.FLASH_FILL_ORDER,
    unit: 'choice',
    minimum: 0,
    maximum: 1,
    choices: ['sequential', 'random'],
    meaning: 'in which order that was',
  },
  overwritten: {
    index: layout.FLASH_OVERWRITTEN,
    unit: 'percent',
    minimum: 0,
    maximum: 1000,
    meaning: 'what was written over at random before the start, in percent of the capacity: a worn-in drive',
  },
  placement: {
    index: layout.FLASH_PLACEMENT,
    unit: 'choice',
    minimum: 0,
    maximum: 1,
    choices: ['striped', 'hashed'],
    meaning:
      'which die has a page: striped one after the other, channels first; hashed: each row, one page a die, begins at a drawn die',
  },
} as const satisfies Record<string, Row>;

export type FlashParameter = keyof typeof ROWS;

/** The rows with a model's defaults and their sources. */
export function flashParameters(
  defaults: Readonly<Record<FlashParameter, readonly [value: number, source: string]>>,
): ModelParameter[] {
  return Object.entries(ROWS).map(([name, row]) => {
    const [value, source] = defaults[name as FlashParameter];
    return { name, ...row, default: value, source };
  });
}
