// Commands that a reader may have typed for them, and what each shows.
//
// Verbs: GUIDED, isAtPrompt, panicOf.

export interface Guided {
  readonly title: string;
  readonly command: string;
  /** What to look for in the lanes, or in what it prints. */
  readonly why: string;
}

export const GUIDED: readonly Guided[] = [
  {
    title: 'Make a file system',
    command: 'mkfs.ext4 -q /dev/vda',
    why: 'Reads that look for another file system first, discards of the whole disk, then a few writes and a flush.',
  },
  {
    title: 'Mount it',
    command: 'mount /dev/vda /mnt',
    why: 'The superblock, the group descriptors, the journal. Behind a power cut the journal is replayed here.',
  },
  {
    title: 'Write and sync',
    command: 'seq 1 30000 > /mnt/numbers; sync',
    why: 'Data first, then the journal, a flush, the commit block, a flush: from then on it is promised.',
  },
  {
    title: 'Write, no sync',
    command: 'echo unsynced > /mnt/unsynced',
    why: 'Nothing moves: the page is dirty in the guest’s own memory, where no disk sees it.',
  },
  {
    title: 'List the files',
    command: 'ls -l /mnt; tail -n 1 /mnt/numbers',
    why: 'Answered from the guest’s page cache when it still has them.',
  },
  {
    title: 'What the kernel said',
    command: 'dmesg | grep -i ext4 | tail -n 4',
    why: '“recovery complete” behind a power cut: ext4 found a journal to replay.',
  },
  {
    title: 'Smaller requests',
    command: 'echo 16 > /sys/block/vda/queue/max_sectors_kb',
    why: 'The driver cuts its writes into 16 KiB from now on, so that neighbours are left for the device to merge.',
  },
  {
    title: 'Unmount and check',
    command: 'umount /mnt; e2fsck -fn /dev/vda',
    why: 'e2fsck reads all metadata and finds nothing to mend.',
  },
];

/** What the kernel said when it gave up; undefined while it has not. */
export function panicOf(text: string): string | undefined {
  return /Kernel panic - not syncing: ([^\n]*[^\n.])/.exec(text)?.[1]?.trim();
}

/** The shell waits for a command: its prompt ends what was printed. */
export function isAtPrompt(text: string): boolean {
  return /(?:^|\n)# ?$/.test(text);
}
