// Every bound of the core on one page. Integer constants only (asc, tsc and esbuild import this file).
//
// A bound that a config may lower or raise is named DEFAULT_…; a bound of the structures is MAX_….

export const SECTOR_SIZE = 512;
export const SECTOR_SHIFT = 9;
/** Shift count of the bits in a sector. */
export const SECTOR_BITS_SHIFT = 12;
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;

/** Drives of one machine. */
export const MAX_DRIVES = 4096;
/** Whole drives plus flat files of one machine. */
export const MAX_FILES = 4096;
/** Drives, flat files and inodes of the volume together: the page key has 16 bits for them. */
export const MAX_INODES = 65536;
/** Extents of a volume. */
export const MAX_EXTENTS = 4194304;
/** Open file descriptors. */
export const MAX_DESCRIPTORS = 8192;
/** Largest drive: 2^52 bytes, so that every byte offset is an exact JavaScript number. The shift count of that size. */
export const MAX_DRIVE_SHIFT = 52;
/** Largest page cache: 2^26 pages = 256 GiB. */
export const MAX_CACHE_PAGES = 67108864;
/** Frames kept beyond the cache's capacity for victims whose write-back is still in flight. */
export const EVICTION_RESERVE_PAGES = 256;
/** Pages that one buffered read looks up, pins and reads in before it waits (128 KiB, Linux's default readahead maximum). */
export const READ_CHUNK_PAGES = 32;
/** Largest readahead maximum: 1 GiB. */
export const MAX_READAHEAD_PAGES = 262144;
/** Pages that a readahead which was asked for (POSIX_FADV_WILLNEED) starts to read in one piece: 2 MiB. */
export const READAHEAD_FORCED_PAGES = 512;
/** Pages that one step of a sync starts to write before it lets other events run. */
export const WRITEBACK_STEP_PAGES = 1024;
/** Pages in one write-back bio or read-in bio (BIO_MAX_VECS of Linux). */
export const BIO_MAX_PAGES = 256;

/** Longest single transfer, MAX_RW_COUNT of Linux: 0x7ffff000. */
export const MAX_TRANSFER_BYTES = 2147479552;
/** iovecs of one call, UIO_MAXIOV of Linux. */
export const MAX_IOVECS = 1024;

/** Linux plug: requests held before the plug is flushed (BLK_MAX_REQUEST_COUNT). */
export const PLUG_MAX_REQUESTS = 32;
/** Linux plug: a last request of this many sectors flushes the plug (BLK_PLUG_FLUSH_SIZE, 128 KiB). */
export const PLUG_FLUSH_SECTORS = 256;
/** Waiting requests of one drive that a new bio is compared with when there is no scheduler. */
export const QUEUE_MERGE_DEPTH = 8;
/** Linux gives a scheduler room for twice the drive's queue depth, at most twice this (BLKDEV_DEFAULT_RQ). */
export const SCHEDULER_MAX_DEPTH = 128;
/** Linux's tunables of mq-deadline. */
export const DEFAULT_READ_EXPIRE_MS = 500;
export const DEFAULT_WRITE_EXPIRE_MS = 5000;
export const DEFAULT_WRITES_STARVED = 2;
export const DEFAULT_FIFO_BATCH = 16;
/** Linux soft limit of one request: 2560 sectors = 1280 KiB. */
export const DEFAULT_MAX_SECTORS = 2560;
/** Linux default of segments in one request (BLK_MAX_SEGMENTS). */
export const DEFAULT_MAX_SEGMENTS = 128;
/** Sectors of one discard request: 2^22 - 1, as virtio-blk and QEMU limit it. */
export const MAX_DISCARD_SECTORS = 4194303;

/** The write log: its buffer is a multiple of 8 bytes within these, and a mark has at most so many bytes of text. */
export const MIN_LOG_BUFFER_BYTES = 64;
export const MAX_LOG_BUFFER_BYTES = 1073741824;
export const DEFAULT_LOG_BUFFER_BYTES = 1048576;
export const MAX_MARK_BYTES = 4096;

export const DEFAULT_OPERATIONS = 1024;
export const DEFAULT_BIOS = 4096;
export const DEFAULT_SPANS = 16384;
export const DEFAULT_QUEUE_DEPTH = 256;
export const DEFAULT_VOLATILE_WRITES = 4096;
export const MAX_CHANNELS = 1024;
/** Requests of block devices at one time. */
export const DEFAULT_BLOCK_REQUESTS = 256;
export const MAX_BLOCK_REQUESTS = 65536;
/** Bytes that a drive of flash maps unless its parameters say otherwise: 4 GiB. */
export const DEFAULT_FLASH_BYTES = 4294967296;
/** Blocks that the data takes of each die, or blocks have one page. */
export const FLASH_BLOCKS_AT_LEAST = 32;
/** Drives of flash that have dies and maps of their own; in a machine with more, so many that are used first have. */
export const FLASH_OWN_STATES = 64;
export const FLASH_SHARED_STATES = 16;
/** Pages that reads are fetching, of all drives of flash together. */
export const FLASH_PARTS = 4096;
/** Rules of faults, and layers of damage, that a machine has room for. */
export const DEFAULT_FAULT_RULES = 64;
export const MAX_FAULT_RULES = 4096;
export const DEFAULT_FAULT_LAYERS = 1024;
export const MAX_FAULT_LAYERS = 65536;
/** Wrong bits that one fault makes of a sector. */
export const MAX_FAULT_BITS = 4096;
/** Largest factor of slow I/O, in thousandths. */
export const MAX_FAULT_FACTOR = 1000000;
/** Places whose accesses are counted for decisions by identity; a power of two. */
export const DEFAULT_IDENTITIES = 65536;

/** AIO contexts at one time. */
export const MAX_AIO_CONTEXTS = 256;
/** fs.aio-max-nr of Linux: events of all contexts together. */
export const DEFAULT_AIO_MAX_NR = 65536;

/** BlueStore queues (aio_queue_t) at one time. */
export const MAX_AIO_QUEUES = 256;
/** bdev_aio_max_queue_depth of Ceph. */
export const DEFAULT_AIO_IODEPTH = 1024;
/** bdev_aio_submit_retry_max and bdev_aio_submit_retry_initial_delay_us of Ceph. */
export const DEFAULT_SUBMIT_RETRIES = 16;
export const DEFAULT_SUBMIT_DELAY_US = 125;
export const MAX_SUBMIT_RETRIES = 65535;
/** Requests of one batch by the older rule (aios_size has 16 bits). */
export const MAX_OLDER_BATCH = 65535;
/** bdev_aio_reap_max of Ceph: events for one get_next_completed of a device, and on the way to a client. */
export const DEFAULT_AIO_REAP = 16;
/** USRBIO buffers and rings that exist at one time. */
export const MAX_USRBIO_BUFFERS = 1024;
export const MAX_USRBIO_RINGS = 256;
/** Jobs that the USRBIO daemon forms of one ring at one look (max_jobs_per_ioring). */
export const USRBIO_JOBS_A_LOOK = 32;
/** Jobs that wait for a worker, by priority: high, normal, low (io_jobq_sizes). */
export const USRBIO_HIGH_JOBS = 32;
export const USRBIO_NORMAL_JOBS = 1024;
export const USRBIO_LOW_JOBS = 4096;
/** Jobs that are worked on at one time (the daemon's coroutines). */
export const USRBIO_WORKERS = 128;
/** Jobs that wait, run, or have ended before an older one of their ring. */
export const MAX_USRBIO_JOBS = 8192;
/** Parts of USRBIO requests at the storage. */
export const DEFAULT_USRBIO_PARTS = 1024;
/** Bytes of a file chunk; 3FS sets it by directory. */
export const DEFAULT_USRBIO_CHUNK_BYTES = 524288;
/** Ranges of one punch-hole call. */
export const USRBIO_PUNCH_RANGES = 1000;
/** Holes of all files together. */
export const MAX_HOLES = 4096;
/** aio_t records of all BlueStore devices together. */
export const DEFAULT_BLUESTORE_AIOS = 2048;
export const MAX_BLUESTORE_AIOS = 65536;
/** BlueStore devices, and their IOContexts, at one time. */
export const MAX_KERNEL_DEVICES = 64;
export const MAX_IO_CONTEXTS = 1024;
/** Flushes and synchronous reads, writes and discards of BlueStore devices at one time. */
export const MAX_DEVICE_CALLS = 1024;
/** bdev_block_size of Ceph. */
export const DEFAULT_DEVICE_BLOCK = 4096;
export const MAX_DEVICE_BLOCK = 65536;
/** A list of this many pieces is copied into one (IOV_MAX). */
export const DEVICE_MAX_PIECES = 1024;

/** Requests in one merge buffer (VIRTIO_BLK_MAX_MERGE_REQS of QEMU). */
export const MULTIREQ_MAX_REQUESTS = 32;
/** Pieces of one merged I/O (IOV_MAX). */
export const MULTIREQ_MAX_PIECES = 1024;
/** Largest virtqueue (VIRTQUEUE_MAX_SIZE of QEMU). */
export const VIRTQUEUE_MAX_SIZE = 1024;
/** Entries of a virtqueue when nobody says (QEMU). */
export const VIRTQUEUE_DEFAULT_SIZE = 256;
/** Queues of one virtio device. */
export const MAX_VIRTIO_QUEUES = 16;
/** Longest request of the block layer (BDRV_REQUEST_MAX_BYTES of QEMU). */
export const BLOCK_REQUEST_MAX_BYTES = 2147483136;
/** Spans that a request of the block layer has beside those of its data: for two ends, a cut or an end's read, and a copy. */
export const BLOCK_REQUEST_SPANS = 4;
/** Requests on Linux AIO at one time (MAX_EVENTS of block/linux-aio.c), iocbs of one io_submit, and iovecs kept beside an iocb. */
export const LINUX_AIO_MAX_EVENTS = 1024;
export const LINUX_AIO_DEFAULT_BATCH = 32;
export const LINUX_AIO_IOVECS = 16;
/** Threads of the pool (THREAD_POOL_MAX_THREADS_DEFAULT). */
export const DEFAULT_VIRTIO_WORKERS = 64;
export const MAX_VIRTIO_WORKERS = 1024;
/** Buffers mapped in one chain. */
export const VIRTQUEUE_MAX_PIECES = 1024;
/** Sectors of one virtio request (BDRV_REQUEST_MAX_SECTORS of QEMU). */
export const VIRTIO_MAX_SECTORS = 4194303;
/** Requests of one virtio device in the hands of the device. */
export const DEFAULT_VIRTIO_REQUESTS = 1024;

/** Bytes of data in one lot of the replay player, unless a single request has more. */
export const REPLAY_LOT_BYTES = 8388608;
/** Requests on the ring for one notification of the replay player. */
export const MAX_REPLAY_BATCH = 256;
/** Requests of the replay player between arrival and end at one time: as many as the largest virtqueue holds. */
export const MAX_REPLAY_SLOTS = 1024;
/** How many times faster than the trace, in millionths: a million times. */
export const MAX_REPLAY_SPEEDUP = 1000000000000;

/** Sectors of a tearing unit of a crash model: 64 KiB. */
export const MAX_CRASH_UNIT = 128;
/** Distinct crash images that one explorer tells apart, and states of which it remembers which image they have. */
export const MAX_CRASH_IMAGES = 16777216;
export const DEFAULT_CRASH_IMAGES = 1048576;
export const MAX_CRASH_VISITS = 67108864;
export const DEFAULT_CRASH_VISITS = 1048576;
/** Bytes of payload that an explorer keeps in memory. */
export const MAX_CRASH_PAYLOAD_BYTES = 1073741824;
export const DEFAULT_CRASH_PAYLOAD_BYTES = 16777216;
/** States of a crash point that are gone through exhaustively, and states of a sample. */
export const DEFAULT_CRASH_BOUND = 65536;
export const DEFAULT_CRASH_BUDGET = 4096;
