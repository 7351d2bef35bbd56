// Small scenes to begin with in the editor, as text. A test plays each of them.
// They show the language line by line: a machine, clients, chapters, notes.

export interface Example {
  readonly name: string;
  readonly text: string;
}

export const EXAMPLES: readonly Example[] = [
  {
    name: 'Two writes and an fsync',
    text: `title Two writes and an fsync
question When do they reach the media?
machine cache=64KiB eviction=lru buffers=256KiB
drive fixed size=128KiB channels=2 latencyNs.read=80us latencyNs.write=40us latencyNs.flush=200us volatileWrites=16
client app aio

chapter Two writes
text Two pages that lie side by side.
write 8KiB 4KiB
write 12KiB 4KiB
note dirtied 2: Both pages are in memory only.

chapter Make them durable
fsync
note volatile: The drive has them, and may still lose them.
note flushed: Now they are safe.
`,
  },
  {
    name: 'A disk, in order and at random',
    text: `title A disk, in order and at random
question How much does the place cost?
machine cache=64KiB readahead=0
drive hdd size=64MiB readAhead=0
client app aio drive0 direct depth=1

chapter In order
read 0 64KiB x16

chapter At random
read 0 64KiB x16 random span=64MiB
`,
  },
  {
    name: 'Two clients, one drive',
    text: `title Two clients, one drive
question Who waits for whom?
machine cache=256KiB
drive ssd size=64MiB queueDepth=4
client writer aio drive0 depth=8
client reader aio drive0 direct depth=1

chapter Side by side
writer: write 0 16KiB x16
writer: fsync
reader: read 32MiB 4KiB x32 random span=16MiB
`,
  },
  {
    name: 'The third write fails',
    text: `title The third write fails
question Who hears of it?
machine cache=64KiB
drive fixed size=1MiB latencyNs=50us
fault drive0 eio on=write nth=3
client app aio

chapter Five writes, apart from each other
write 0 4KiB x5 stride stride=64KiB
fsync
`,
  },
];
