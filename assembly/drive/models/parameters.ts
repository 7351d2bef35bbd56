// The ranges of the models' parameters.
//
// Verbs: badParameter. Layout: a table per model of three u64 a parameter: minimum, maximum, and 1 where only powers of two
// are taken. src/core/drive-models has the same ranges with names, units and sources; a test compares them.

import { DRIVE_MODEL_FIXED, DRIVE_MODEL_HDD, DRIVE_MODEL_NVME, DRIVE_MODEL_SSD } from '../../layout';

const ROW_SIZE: usize = 24;
const FIXED_ROWS: i32 = 1;
const FIXED_RANGES: usize = memory.data<u64>([0, 1000000000000000, 0], 16);
const HDD_ROWS: i32 = 19;
const HDD_RANGES: usize = memory.data<u64>(
  [
    // rpm, capacity, heads
    60, 100000, 0, 0, 4503599627370496, 0, 1, 255, 0,
    // sectors of the outermost and the innermost track, zones
    8, 1048576, 0, 8, 1048576, 0, 1, 64, 0,
    // seeks: track to track, average, full stroke; settling for a write, head switch
    0, 10000000000, 0, 0, 10000000000, 0, 0, 10000000000, 0, 0, 10000000000, 0, 0, 10000000000, 0,
    // skews of tracks and cylinders
    0, 10000000000, 0, 0, 10000000000, 0,
    // command, interface, requests looked at
    0, 10000000000, 0, 1000000, 1000000000000, 0, 1, 1024, 0,
    // write cache, read-ahead, idle time
    0, 1073741824, 0, 0, 1073741824, 0, 0, 1000000000000, 0,
  ],
  16,
);
const FLASH_ROWS: i32 = 23;
const FLASH_RANGES: usize = memory.data<u64>(
  [
    // channels, dies of each, bytes of a page, pages of a block
    1, 64, 0, 1, 64, 0, 4096, 262144, 1, 1, 8192, 0,
    // read, program, erase
    0, 1000000000, 0, 0, 1000000000, 0, 0, 10000000000, 0,
    // bandwidth of a channel, and of the interface; full duplex
    1000000, 1000000000000, 0, 1000000, 1000000000000, 0, 0, 1, 0,
    // command and delay of reads and writes
    0, 1000000000, 0, 0, 1000000000, 0, 0, 1000000000, 0, 0, 1000000000, 0,
    // write buffer, capacity, over-provisioning, free blocks
    0, 1073741824, 0, 0, 1099511627776, 0, 1, 400, 0, 1, 64, 0,
    // preemptive, filled, order of filling, overwritten, placement
    0, 1, 0, 0, 100, 0, 0, 1, 0, 0, 1000, 0, 0, 1, 0,
  ],
  16,
);

function isOutside(value: u64, row: usize): bool {
  if (value < load<u64>(row) || value > load<u64>(row, 8)) return true;
  return load<u64>(row, 16) != 0 && (value & (value - 1)) != 0;
}

/** The number of the first parameter (u64 each, at `parameters`) that is outside the model's range, or -1. */
export function badParameter(model: u32, parameters: usize): i32 {
  let ranges: usize = 0;
  let rows: i32 = 0;
  if (model == DRIVE_MODEL_SSD || model == DRIVE_MODEL_NVME) {
    ranges = FLASH_RANGES;
    rows = FLASH_ROWS;
  }
  if (model == DRIVE_MODEL_HDD) {
    ranges = HDD_RANGES;
    rows = HDD_ROWS;
  }
  if (model == DRIVE_MODEL_FIXED) {
    ranges = FIXED_RANGES;
    rows = FIXED_ROWS;
  }
  for (let number = 0; number < rows; number++) {
    if (isOutside(load<u64>(parameters + ((<usize>number) << 3)), ranges + <usize>number * ROW_SIZE))
      return number;
  }
  return -1;
}
