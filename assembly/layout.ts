// Every struct size and field offset that crosses the boundary between core and host.
//
// `asc`, `tsc` and esbuild all import this file, so it holds untyped integer constants only:
// no division, no annotation, no function. Offsets are bytes from the start of the struct;
// every integer is little-endian; a 64-bit field is named once and read as two 32-bit words.

// ---- trace record: one request of a trace, 32 bytes, written by src/trace, read by assembly/replay ----

export const TRACE_RECORD_SIZE = 32;
/** u8: one of TRACE_READ … TRACE_DATASYNC. */
export const TRACE_OPERATION = 0;
/** u16: index of the device or file in the reader's name table, 0 to MAX_DRIVES - 1. */
export const TRACE_DEVICE = 2;
/** u32: bytes; 0 only for a flush. */
export const TRACE_LENGTH = 4;
/** u64: bytes from the start of the device, at most 2^53 - 1 - length. */
export const TRACE_OFFSET = 8;
/** u64: nanoseconds since the first request of the trace; 0 where the format has no clock. */
export const TRACE_TIME = 16;
/** u64: line (text formats) or record number (binary formats), counted from 1. */
export const TRACE_LINE = 24;

export const TRACE_READ = 0;
export const TRACE_WRITE = 1;
export const TRACE_DISCARD = 2;
export const TRACE_FLUSH = 3;
export const TRACE_DATASYNC = 4;

// ---- operations, the rows of every table that has one row an operation ----

export const OP_READ = 0;
export const OP_WRITE = 1;
export const OP_DISCARD = 2;
export const OP_WRITE_ZEROES = 3;
export const OP_FLUSH = 4;
export const OP_COUNT = 5;

// ---- record: one decision of the core, 32 bytes, in a ring ----

export const RECORD_SIZE = 32;
/** u64: virtual nanoseconds. */
export const RECORD_TIME = 0;
/** u8: one of RECORD_… kinds below. */
export const RECORD_KIND = 8;
/** u8: operation (OP_…) where one applies. */
export const RECORD_OPERATION = 9;
/** u16: drive (block and drive kinds) or file (cache and file kinds) or device (guest kinds). */
export const RECORD_DEVICE = 10;
/** u32: identity of the request, bio or operation that the decision is about. */
export const RECORD_ID = 12;
/** u64: sector (block, drive, guest kinds) or page index (cache kinds) or byte offset (file kinds). */
export const RECORD_ADDRESS = 16;
/** u32: sectors, pages or bytes, as the address counts; for a completion the result's magnitude. */
export const RECORD_COUNT = 24;
/** u32: reason or the other identity, as each kind says. */
export const RECORD_DETAIL = 28;

/** A file operation started. address bytes, count bytes, detail = flags. */
export const RECORD_OPERATION_STARTED = 1;
/** A file operation ended. detail = result (i32). */
export const RECORD_OPERATION_ENDED = 2;
/** A page was found in the index. */
export const RECORD_PAGE_HIT = 3;
/** A page was not found. */
export const RECORD_PAGE_MISS = 4;
/** Pages are read in. count pages, detail = identity of the bio. */
export const RECORD_READ_IN = 5;
/** A clean page became dirty. id = its blocks (PAGE_BLOCKS_…), detail = pages dirty now. */
export const RECORD_DIRTIED = 6;
/** Dirty pages go to the drive in one ioend. count pages, detail = why (WRITEBACK_…). */
export const RECORD_WRITEBACK = 7;
/** A page under write-back became clean. */
export const RECORD_WRITTEN = 8;
/** A page left the cache. detail = 1 if it was dirty when it was chosen. */
export const RECORD_EVICTED = 9;
/** A writer waits for pages to be written back. */
export const RECORD_THROTTLED = 10;
/** A bio entered the block layer as a request of its own. detail = MERGE_… why it was not merged in the low 8 bits, the bio's number above. */
export const RECORD_QUEUED = 11;
/** A bio joined the back of request `detail`. id = the bio's number. */
export const RECORD_BACK_MERGED = 12;
/** A bio joined the front of request `detail`. id = the bio's number. */
export const RECORD_FRONT_MERGED = 13;
/** A request went to the drive. detail = bios in it. */
export const RECORD_ISSUED = 14;
/** The drive finished a request. detail = result (i32). */
export const RECORD_COMPLETED = 15;
/** A flush made `count` completed writes durable. */
export const RECORD_FLUSHED = 16;
/** A write is in the drive's volatile cache. detail = writes held there. */
export const RECORD_VOLATILE = 17;
/** The drive moved its oldest cached write to the media because its cache was full. */
export const RECORD_DESTAGED = 18;
/** Power cut: an uncertain write survived. detail = sectors that did, when it was torn. */
export const RECORD_KEPT = 19;
/** Power cut: an uncertain write was lost. */
export const RECORD_LOST = 20;
/** A guest request was taken from a virtqueue. operation = its type, count = bytes of its payload, detail = head descriptor. */
export const RECORD_GUEST_REQUEST = 21;
/** multireq issued one I/O. count sectors, detail = members. */
export const RECORD_MULTIREQ_ISSUED = 22;
/** multireq started a new run at this request. detail = MULTIREQ_… why. */
export const RECORD_MULTIREQ_SPLIT = 23;
/** A guest request was finished. detail = virtio status. */
export const RECORD_GUEST_DONE = 24;
/** An iocb was accepted. id = its offset in client memory, address bytes, count bytes, detail = opcode in the low 8 bits, number of the context above. */
export const RECORD_AIO_ACCEPTED = 25;
/** An io_event was put on the ring. device = number of the context, id as for the iocb, address = its data, detail = result (i32). */
export const RECORD_AIO_EVENT = 26;
/** A discard zeroed and cleaned cached pages. id = blocks of the page (PAGE_BLOCKS_…), count pages, detail = blocks that are still dirty. */
export const RECORD_PAGES_DISCARDED = 27;
/** One io_submit of an aio_queue's batch. device = queue, address = index of the first request offered, count offered, detail = answer (i32). */
export const RECORD_AIO_QUEUE_SUBMIT = 28;
/** A batch waits before it tries again. device = queue, address = delay in nanoseconds, count = number of the retry, detail = retries left. */
export const RECORD_AIO_QUEUE_RETRY = 29;
/** A USRBIO request was prepared. device = ring, id = slot, address = file offset, count bytes, detail = file. */
export const RECORD_USRBIO_PREPARED = 30;
/** The USRBIO daemon formed a job. device = ring, id = job, count requests, detail = USRBIO_JOB_… why. */
export const RECORD_USRBIO_JOB = 31;
/** A USRBIO request was finished. device = ring, id = slot, detail = result (i32). */
export const RECORD_USRBIO_DONE = 32;
/** A guest request failed, and the error policy stops the machine. detail = errno (i32). */
export const RECORD_GUEST_STOPPED = 33;
/** A page became active. detail = 1 when by a refault. */
export const RECORD_ACTIVATED = 34;
/** A page missed that left not long ago. address page, count = distance (evictions and activations since), detail = 1 if it is activated. */
export const RECORD_REFAULT = 35;
/** Readahead: address = first page, count pages, detail = size of its asynchronous part. */
export const RECORD_READAHEAD = 36;
/** The flusher starts a pass. device = file, count = pages it means to write, detail = FLUSH_… why. */
export const RECORD_FLUSHER = 37;
/** A writer pauses. address = nanoseconds, count = dirty pages and pages under write-back, detail = limit. */
export const RECORD_PAUSED = 38;
/** The volume commits a transaction. address = its number, count = sectors of metadata. */
export const RECORD_COMMIT = 39;
/** The volume wrote its metadata home. address = the last transaction in it, count = sectors. */
export const RECORD_CHECKPOINT = 40;
/** Blocks were allocated. device = file, address = first file block, count blocks, detail = first block on the volume. */
export const RECORD_ALLOCATED = 41;
/** A fault met a request. id = request, address sector, count sectors, detail = number of its rule. */
export const RECORD_FAULT = 42;
/** A write healed a layer of damage. id = request, address sector, count sectors, detail = number of the rule that made it. */
export const RECORD_HEALED = 43;
/** The flash translation layer collected a block. address = block, count = pages moved. */
export const RECORD_COLLECTED = 44;
/** A request was ended because it took longer than the drive's timeout, or was cancelled. detail = errno (i32). */
export const RECORD_ABORTED = 45;
/** A mark in the write log. address = its number. */
export const RECORD_MARK = 46;
/** A replayed request arrived. id = line in the trace (low 32 bits), address offset, count bytes, detail = ns ago (at most 2^31 - 1). */
export const RECORD_ARRIVED = 47;
/** A page entered the cache; none of its blocks is there yet. */
export const RECORD_ENTERED = 48;
/** A read-in of a page ended. id = blocks of the page (PAGE_BLOCKS_…), detail = identity of the bio. */
export const RECORD_PAGE_READ = 49;
/** Blocks of a page changed where no other record says so: zeros without a read, more dirty blocks of a dirty page, a cut end. id = its blocks (PAGE_BLOCKS_…), detail = 1 while it is under write-back. */
export const RECORD_BLOCKS = 50;
/** An active page became inactive. */
export const RECORD_DEACTIVATED = 51;
export const RECORD_KIND_COUNT = 52;

/** Blocks of a page in a record: bit n of a byte is block n. The low byte says which are uptodate, the byte above it which are dirty. */
export const PAGE_BLOCKS_UPTODATE = 0xff;
export const PAGE_BLOCKS_DIRTY_SHIFT = 8;

/** Why the flusher writes (detail of RECORD_FLUSHER). */
export const FLUSH_PERIODIC = 0;
export const FLUSH_BACKGROUND = 1;
export const FLUSH_ASKED = 2;

/** Why a bio became a request of its own (low 8 bits of the detail of RECORD_QUEUED). */
export const MERGE_NO_CANDIDATE = 0;
export const MERGE_SWITCHED_OFF = 1;
export const MERGE_FLAGS = 2;
export const MERGE_OPERATION_DIFFERS = 3;
export const MERGE_NOT_ADJACENT = 4;
export const MERGE_TOO_MANY_SECTORS = 5;
export const MERGE_TOO_MANY_SEGMENTS = 6;

/** Why multireq started a new run (detail of RECORD_MULTIREQ_SPLIT). */
export const MULTIREQ_NOT_CONTIGUOUS = 1;
export const MULTIREQ_TOO_MANY_PIECES = 2;
export const MULTIREQ_TOO_LONG = 3;

/** Why pages are written back (detail of RECORD_WRITEBACK). */
export const WRITEBACK_EVICTION = 0;
export const WRITEBACK_SYNC = 1;
export const WRITEBACK_FLUSHER = 2;

// ---- counters: u64 each, COUNTERS_SIZE bytes, address in the root ----

export const COUNTER_GUEST_READS = 0;
export const COUNTER_GUEST_WRITES = 8;
export const COUNTER_GUEST_FLUSHES = 16;
export const COUNTER_GUEST_DISCARDS = 24;
export const COUNTER_GUEST_READS_MERGED = 32;
export const COUNTER_GUEST_WRITES_MERGED = 40;
export const COUNTER_GUEST_INVALID = 48;
export const COUNTER_AIO_SUBMITTED = 56;
export const COUNTER_AIO_COMPLETED = 64;
export const COUNTER_AIO_PARTIAL_SUBMITS = 72;
export const COUNTER_CACHE_ACCESSES = 80;
export const COUNTER_CACHE_HITS = 88;
export const COUNTER_CACHE_MISSES = 96;
export const COUNTER_CACHE_EVICTIONS = 104;
export const COUNTER_CACHE_READ_IN_PAGES = 112;
export const COUNTER_CACHE_DIRTIED_PAGES = 120;
export const COUNTER_CACHE_WRITTEN_BACK_PAGES = 128;
export const COUNTER_CACHE_IOENDS = 136;
export const COUNTER_CACHE_THROTTLED = 144;
export const COUNTER_CACHE_DISCARDED_PAGES = 152;
export const COUNTER_BLOCK_READS = 160;
export const COUNTER_BLOCK_WRITES = 168;
export const COUNTER_BLOCK_READ_MERGES = 176;
export const COUNTER_BLOCK_WRITE_MERGES = 184;
export const COUNTER_BLOCK_READ_SECTORS = 192;
export const COUNTER_BLOCK_WRITE_SECTORS = 200;
export const COUNTER_BLOCK_FLUSHES = 208;
export const COUNTER_BLOCK_DISCARDS = 216;
export const COUNTER_DRIVE_READS = 224;
export const COUNTER_DRIVE_WRITES = 232;
export const COUNTER_DRIVE_READ_BYTES = 240;
export const COUNTER_DRIVE_WRITE_BYTES = 248;
export const COUNTER_DRIVE_FLUSHES = 256;
export const COUNTER_DRIVE_DISCARDS = 264;
export const COUNTER_DRIVE_DISCARD_BYTES = 272;
export const COUNTER_DRIVE_WRITE_ZEROES = 280;
export const COUNTER_DRIVE_DESTAGED = 288;
export const COUNTER_DRIVE_ERRORS = 296;
/** Pages dirty now, and under write-back now (nr_dirty, nr_writeback of /proc/vmstat). */
export const COUNTER_NR_DIRTY = 304;
export const COUNTER_NR_WRITEBACK = 312;
export const COUNTER_NR_FILE_PAGES = 320;
/** Events that the pump has run. */
export const COUNTER_STEPS = 328;
export const COUNTER_USRBIO_PREPARED = 336;
export const COUNTER_USRBIO_COMPLETED = 344;
export const COUNTER_USRBIO_JOBS = 352;
export const COUNTER_GUEST_WRITE_ZEROES = 360;
/** Pages whose write-back has ended (nr_written). nr_dirtied is COUNTER_CACHE_DIRTIED_PAGES. */
export const COUNTER_NR_WRITTEN = 368;
/** Sectors of read and write bios (pgpgin, pgpgout of /proc/vmstat, which tells them in KiB). */
export const COUNTER_PGPGIN = 376;
export const COUNTER_PGPGOUT = 384;
export const COUNTER_PGACTIVATE = 392;
export const COUNTER_PGDEACTIVATE = 400;
export const COUNTER_PGSCAN = 408;
export const COUNTER_PGSTEAL = 416;
export const COUNTER_WORKINGSET_REFAULT = 424;
export const COUNTER_WORKINGSET_ACTIVATE = 432;
export const COUNTER_WORKINGSET_RESTORE = 440;
/** Shadows kept now (workingset_nodes counts tree nodes in Linux; here one shadow is one). */
export const COUNTER_WORKINGSET_NODES = 448;
export const COUNTER_NR_ACTIVE_FILE = 456;
export const COUNTER_NR_INACTIVE_FILE = 464;
export const COUNTER_NR_DIRTY_THRESHOLD = 472;
export const COUNTER_NR_DIRTY_BACKGROUND_THRESHOLD = 480;
/** Pauses of writers over the dirty limits: how many, and how long together. */
export const COUNTER_DIRTY_PAUSES = 488;
export const COUNTER_DIRTY_PAUSED_NS = 496;
/** Passes of the flusher that wrote something, and the pages it started to write. */
export const COUNTER_FLUSHER_PASSES = 504;
export const COUNTER_FLUSHER_PAGES = 512;
/** Pages read ahead of what was asked for. */
export const COUNTER_READAHEAD_PAGES = 520;
/** Clean pages dropped by drop_caches. */
export const COUNTER_DROP_PAGECACHE = 528;
export const COUNTER_IOMAP_BEGINS = 536;
export const COUNTER_IOMAP_ENDS = 544;
/** The volume's journal: transactions, sectors of metadata in them, and checkpoints. */
export const COUNTER_JOURNAL_COMMITS = 552;
export const COUNTER_JOURNAL_SECTORS = 560;
export const COUNTER_JOURNAL_CHECKPOINTS = 568;
/** The flash translation layer: pages that hosts wrote, pages programmed for them and by collection, blocks erased. */
export const COUNTER_FLASH_HOST_PAGES = 576;
export const COUNTER_FLASH_PROGRAMMED_PAGES = 584;
export const COUNTER_FLASH_ERASES = 592;
/** Faults that met a request. */
export const COUNTER_DRIVE_FAULTS = 600;
/** Entries of the write log, and bytes of it that were written to its file. */
export const COUNTER_LOG_ENTRIES = 608;
export const COUNTER_LOG_SPILLED_BYTES = 616;
export const COUNTERS_SIZE = 624;

// ---- config: written by the host at configAddress() before open(), then drives, then flat files ----

export const CONFIG_PAYLOAD = 0;
export const CONFIG_RECORD_CAPACITY = 4;
export const CONFIG_RECORDING = 8;
export const CONFIG_SEED = 12;
export const CONFIG_CACHE_PAGES = 16;
export const CONFIG_BLOCK_SIZE = 20;
export const CONFIG_EVICTION = 24;
export const CONFIG_MERGE = 28;
export const CONFIG_OPERATIONS = 32;
export const CONFIG_BIOS = 36;
export const CONFIG_SPANS = 40;
export const CONFIG_MAX_SECTORS = 44;
export const CONFIG_MAX_SEGMENTS = 48;
export const CONFIG_DRIVE_COUNT = 52;
export const CONFIG_FILE_COUNT = 56;
/** Bytes of linear memory for the client's buffers, rings and iocbs. */
export const CONFIG_BUFFER_BYTES = 60;
export const CONFIG_AIO_MAX_NR = 64;
export const CONFIG_VIRTIO_DEVICES = 68;
export const CONFIG_VIRTIO_REQUESTS = 72;
/** Records of one trace batch; 0: no replay player in this machine. */
export const CONFIG_REPLAY_RECORDS = 76;
/** Requests on the ring for one notification. */
export const CONFIG_REPLAY_BATCH = 80;
/** Sectors whose generations one trace batch may carry. */
export const CONFIG_REPLAY_SECTORS = 84;
/** Bytes of request data that may be in flight. */
export const CONFIG_REPLAY_DATA_BYTES = 88;
/** Cache mode of the virtio devices (CACHE_MODE_…). */
export const CONFIG_VIRTIO_CACHE_MODE = 92;
/** Bytes of one merged guest I/O (bl.max_transfer); 0: QEMU's default, 2^31 - 512. */
export const CONFIG_VIRTIO_MAX_TRANSFER = 96;
/** Bytes of memory that USRBIO buffers and rings, and BlueStore's copies, are taken from. */
export const CONFIG_SHARED_BYTES = 100;
/** aio_t records of all BlueStore queues together. */
export const CONFIG_BLUESTORE_AIOS = 104;
/** Parts of USRBIO requests that the daemon has at the storage at one time. */
export const CONFIG_USRBIO_PARTS = 108;
export const CONFIG_USRBIO_FLAGS = 112;
/** Bytes of one file chunk; a USRBIO request is cut where one ends. */
export const CONFIG_USRBIO_CHUNK_BYTES = 116;
export const CONFIG_VIRTIO_QUEUES = 120;
/** logical_block_size of the devices. */
export const CONFIG_VIRTIO_BLOCK_SIZE = 124;
/** request_alignment of the files below them. */
export const CONFIG_VIRTIO_ALIGNMENT = 128;
/** rerror and werror: ON_ERROR_…. */
export const CONFIG_VIRTIO_READ_ERROR = 132;
export const CONFIG_VIRTIO_WRITE_ERROR = 136;
/** VIRTIO_ENGINE_…. */
export const CONFIG_VIRTIO_ENGINE = 140;
/** Threads of the pool. */
export const CONFIG_VIRTIO_WORKERS = 144;
/** aio-max-batch. */
export const CONFIG_VIRTIO_AIO_BATCH = 148;
export const CONFIG_VIRTIO_FLAGS = 152;
/** Largest readahead window in pages; 0: none, a miss reads what was asked for. */
export const CONFIG_READAHEAD_PAGES = 156;
/** vm.dirty_ratio and vm.dirty_background_ratio, percent; used where the form in pages is 0. */
export const CONFIG_DIRTY_RATIO = 160;
export const CONFIG_DIRTY_BACKGROUND_RATIO = 164;
/** vm.dirty_bytes and vm.dirty_background_bytes, in whole pages. */
export const CONFIG_DIRTY_PAGES = 168;
export const CONFIG_DIRTY_BACKGROUND_PAGES = 172;
export const CONFIG_DIRTY_EXPIRE_CENTISECS = 176;
export const CONFIG_DIRTY_WRITEBACK_CENTISECS = 180;
/** Pages a second that writers are held to at the setpoint (the base rate of balance_dirty_pages). */
export const CONFIG_WRITE_BANDWIDTH_PAGES = 184;
/** The volume: its drive, its inodes (0: no volume), its extents, and its sectors (0: the whole drive). */
export const CONFIG_VOLUME_DRIVE = 188;
export const CONFIG_VOLUME_INODES = 192;
export const CONFIG_VOLUME_EXTENTS = 196;
/** VOLUME_PROFILE_…. */
export const CONFIG_VOLUME_FLAGS = 200;
export const CONFIG_VOLUME_BLOCKS = 204;
/** Rules of faults, and layers of damage, of all drives together. */
export const CONFIG_FAULT_RULES = 208;
export const CONFIG_FAULT_LAYERS = 212;
/** Stalls and slow periods of all drives together. */
export const CONFIG_EPISODES = 216;
/** Points of empirical latency histograms of all drives together. */
export const CONFIG_LATENCY_POINTS = 220;
/** Bytes of the write log kept in memory before they go to its file; 0: no write log. */
export const CONFIG_LOG_BUFFER_BYTES = 224;
/** Requests of block devices (blockSubmit) at one time. */
export const CONFIG_BLOCK_REQUESTS = 228;
/** Places whose accesses are counted for decisions by identity (base/identity.ts). */
export const CONFIG_IDENTITIES = 232;
/** Replay: requests between arrival and end at one time, 1 to 1,024; 0 with REPLAY_TIMING_ASAP. */
export const CONFIG_REPLAY_SLOTS = 240;
/** REPLAY_TIMING_…. */
export const CONFIG_REPLAY_TIMING = 244;
/** u64: how many times faster than the trace, in millionths; at least 1. */
export const CONFIG_REPLAY_SPEEDUP = 248;
export const CONFIG_SIZE = 256;

export const CONFIG_DRIVE_SIZE_BYTES = 0;
export const CONFIG_DRIVE_LATENCY_READ = 8;
export const CONFIG_DRIVE_LATENCY_WRITE = 16;
export const CONFIG_DRIVE_LATENCY_DISCARD = 24;
export const CONFIG_DRIVE_LATENCY_WRITE_ZEROES = 32;
export const CONFIG_DRIVE_LATENCY_FLUSH = 40;
export const CONFIG_DRIVE_MODEL = 48;
export const CONFIG_DRIVE_CHANNELS = 52;
export const CONFIG_DRIVE_QUEUE_DEPTH = 56;
/** Completed writes that the volatile cache holds; 0: no volatile cache, a completed write is durable. */
export const CONFIG_DRIVE_VOLATILE_WRITES = 60;
export const CONFIG_DRIVE_FLAGS = 64;
/** Alignment that direct I/O needs of a buffer's address (dma_alignment + 1): a power of two from 1 to 4,096. */
export const CONFIG_DRIVE_DMA_ALIGNMENT = 68;
/** 20 bytes, padded with NULs: the serial number that a guest sees; all 0 for one that counts the drives. */
export const CONFIG_DRIVE_SERIAL = 72;
/** u32: SCHEDULER_…. */
export const CONFIG_DRIVE_SCHEDULER = 92;
/** u32: PROMISE_… bits, SQLite's device characteristics. */
export const CONFIG_DRIVE_PROMISES = 96;
/** u32: LATENCY_… distribution; u64 and u64: what it needs. */
export const CONFIG_DRIVE_LATENCY_KIND = 100;
export const CONFIG_DRIVE_LATENCY_FIRST = 104;
export const CONFIG_DRIVE_LATENCY_SECOND = 112;
/** u64: nanoseconds after which a request is aborted; 0: never. */
export const CONFIG_DRIVE_TIMEOUT = 120;
/** 32 u64: the parameters of the model, by number. */
export const CONFIG_DRIVE_PARAMETERS = 128;
export const DRIVE_PARAMETERS = 32;
/** u32 each: the tunables of the deadline scheduler; expiries in milliseconds, front merges 0 or 1. */
export const CONFIG_DRIVE_READ_EXPIRE = 384;
export const CONFIG_DRIVE_WRITE_EXPIRE = 388;
export const CONFIG_DRIVE_WRITES_STARVED = 392;
export const CONFIG_DRIVE_FIFO_BATCH = 396;
export const CONFIG_DRIVE_FRONT_MERGES = 400;
export const CONFIG_DRIVE_SIZE = 416;

export const DRIVE_MODEL_INSTANT = 0;
export const DRIVE_MODEL_FIXED = 1;
export const DRIVE_MODEL_HDD = 2;
export const DRIVE_MODEL_SSD = 3;
export const DRIVE_MODEL_NVME = 4;
export const DRIVE_FLAG_READ_ONLY = 1;
/** The bytes that volatile writes replace are kept, so that a power cut can be played. */
export const DRIVE_FLAG_UNDO = 2;
/** The drive takes no FUA: the block layer flushes behind the write instead. */
export const DRIVE_FLAG_NO_FUA = 4;
/** Power-loss protection: the cache survives, so a completed write is durable. */
export const DRIVE_FLAG_PLP = 8;
/** Sectors that were discarded read as zeros once that is durable; else a discard not yet flushed may leave anything old or zero. */
export const DRIVE_FLAG_DISCARD_ZEROES = 16;
/** What happens to the drive is written to the machine's write log. */
export const DRIVE_FLAG_LOGGED = 32;

export const SCHEDULER_NONE = 0;
export const SCHEDULER_DEADLINE = 1;

/** Device characteristics, SQLite's values (c3ref/c_iocap_atomic.html). */
export const PROMISE_ATOMIC = 1;
export const PROMISE_ATOMIC512 = 2;
export const PROMISE_ATOMIC1K = 4;
export const PROMISE_ATOMIC2K = 8;
export const PROMISE_ATOMIC4K = 16;
export const PROMISE_ATOMIC8K = 32;
export const PROMISE_ATOMIC16K = 64;
export const PROMISE_ATOMIC32K = 128;
export const PROMISE_ATOMIC64K = 256;
export const PROMISE_SAFE_APPEND = 512;
export const PROMISE_SEQUENTIAL = 1024;
export const PROMISE_POWERSAFE_OVERWRITE = 4096;

// ---- drive models: numbers of their parameters ----

/** Of ssd and nvme; names, units and meanings are in src/core/drive-models/flash.ts. */
export const FLASH_CHANNELS = 0;
export const FLASH_DIES = 1;
export const FLASH_PAGE_BYTES = 2;
export const FLASH_BLOCK_PAGES = 3;
export const FLASH_READ_NS = 4;
export const FLASH_PROGRAM_NS = 5;
export const FLASH_ERASE_NS = 6;
export const FLASH_CHANNEL_RATE = 7;
export const FLASH_LINK_RATE = 8;
export const FLASH_DUPLEX = 9;
export const FLASH_READ_COMMAND = 10;
export const FLASH_WRITE_COMMAND = 11;
export const FLASH_READ_DELAY = 12;
export const FLASH_WRITE_DELAY = 13;
export const FLASH_BUFFER = 14;
export const FLASH_CAPACITY = 15;
export const FLASH_SPARE = 16;
export const FLASH_FREE_BLOCKS = 17;
export const FLASH_PREEMPTIVE = 18;
export const FLASH_FILLED = 19;
export const FLASH_FILL_ORDER = 20;
export const FLASH_OVERWRITTEN = 21;
export const FLASH_PLACEMENT = 22;
/** Bytes a second that a channel moves beside its latency; 0: no limit. */
export const FIXED_BANDWIDTH = 0;

/** Of hdd; names, units and meanings are in src/core/drive-models/hdd.ts. */
export const HDD_RPM = 0;
export const HDD_CAPACITY = 1;
export const HDD_HEADS = 2;
export const HDD_OUTER_SECTORS = 3;
export const HDD_INNER_SECTORS = 4;
export const HDD_ZONES = 5;
export const HDD_SEEK_TRACK = 6;
export const HDD_SEEK_AVERAGE = 7;
export const HDD_SEEK_FULL = 8;
export const HDD_WRITE_SETTLE = 9;
export const HDD_HEAD_SWITCH = 10;
export const HDD_TRACK_SKEW = 11;
export const HDD_CYLINDER_SKEW = 12;
export const HDD_COMMAND = 13;
export const HDD_LINK_RATE = 14;
export const HDD_REORDER_DEPTH = 15;
export const HDD_WRITE_CACHE = 16;
export const HDD_READ_AHEAD = 17;
export const HDD_IDLE = 18;

// ---- how service times vary: distributions, and episodes ----

/** Each service takes the nominal time. */
export const DISTRIBUTION_CONSTANT = 0;
/** Exponential; the nominal time is its mean. */
export const DISTRIBUTION_EXPONENTIAL = 1;
/** Lognormal; the nominal time is its median. First: sigma of the logarithm, in millionths. */
export const DISTRIBUTION_LOGNORMAL = 2;
/** One of some points: nanoseconds, whatever the nominal time is. Only with the model `fixed`. */
export const DISTRIBUTION_HISTOGRAM = 3;
/** One of some points: factors of the nominal time, in millionths. */
export const DISTRIBUTION_FACTORS = 4;
export const DISTRIBUTION_COUNT = 5;

/** A point of a distribution, in client memory. u64: nanoseconds or a factor; u64: weight, 1 or more, 2^32 all together. */
export const LATENCY_POINT_VALUE = 0;
export const LATENCY_POINT_WEIGHT = 8;
export const LATENCY_POINT_SIZE = 16;

/** An episode, in client memory. u64 each: virtual nanoseconds at which it begins, and how long it lasts. */
export const EPISODE_AT = 0;
export const EPISODE_LASTS = 8;
/** u64: from one beginning to the next, more than it lasts; 0: it happens once. */
export const EPISODE_EVERY = 16;
/** u64: how many times as long services take, in thousandths; 0: nothing is served. */
export const EPISODE_FACTOR = 24;
export const EPISODE_SIZE = 32;

// ---- fault rules and layers ----

/** A rule as faultAdd takes it and faultRuleAt shows it; u32 each unless said. */
export const FAULT_RULE_SIZE = 208;
/** Counted from 1 over all rules ever added; 0: a free place. Written by the core. */
export const FAULT_RULE_NUMBER = 0;
/** FAULT_EIO …. */
export const FAULT_RULE_EFFECT = 4;
export const FAULT_RULE_DRIVE = 8;
/** Bit 1 << OP_… for each operation that the rule looks at. */
export const FAULT_RULE_OPERATIONS = 12;
/** FAULT_FLAG_…. */
export const FAULT_RULE_FLAGS = 16;
/** FAULT_COUNT_…: which of the requests that match. */
export const FAULT_RULE_COUNTING = 20;
/** Chance of each of them, from 0 to 1,000,000. */
export const FAULT_RULE_PER_MILLION = 24;
/** How many requests it hits before it is used up; 0: no end. */
export const FAULT_RULE_TIMES = 28;
/** u64 each: sectors that a request must touch (flushes touch all), and the number n of the counting. */
export const FAULT_RULE_SECTOR = 32;
export const FAULT_RULE_SECTORS = 40;
export const FAULT_RULE_NTH = 48;
/** u64 each: virtual nanoseconds from which it looks, and from which no longer (0: no end). */
export const FAULT_RULE_AFTER = 56;
export const FAULT_RULE_UNTIL = 64;
/** u64 each: what the effect needs; see each effect. */
export const FAULT_RULE_FIRST = 72;
export const FAULT_RULE_SECOND = 80;
/** u64 each, written by the core: requests that matched, that were hit, and that would have been if there had been room for a layer, or a place to lead them to. */
export const FAULT_RULE_MATCHES = 88;
export const FAULT_RULE_HITS = 96;
export const FAULT_RULE_MISSED = 104;
/** u64 each, the core's own: the name as a number, and sectors of room left. */
export const FAULT_RULE_PURPOSE = 112;
export const FAULT_RULE_LEFT = 120;
/** u64: events of the machine after which it looks, as COUNTER_STEPS counts them. */
export const FAULT_RULE_AFTER_STEP = 128;
/** Only requests with a bio of this domain (as in the log: an inode of the volume, or LOG_DOMAIN_METADATA); 0: any. */
export const FAULT_RULE_DOMAIN = 136;
/** Bytes of the name, UTF-8, and the name. */
export const FAULT_RULE_NAME_BYTES = 140;
export const FAULT_RULE_NAME = 144;
export const FAULT_RULE_NAME_ROOM = 60;

export const FAULT_FLAG_ENABLED = 1;
/** Only writes with FUA. */
export const FAULT_FLAG_FUA = 2;
/** FAULT_RULE_FIRST is a place; else one is chosen by identity. */
export const FAULT_FLAG_PLACED = 4;
/** Latent errors and bit rot: the damage is there from the start, in those of its sectors that the chance picks. */
export const FAULT_FLAG_AT_ONCE = 8;
/** The core's: it has come about for good (readOnly, gone). */
export const FAULT_FLAG_LATCHED = 16;

export const FAULT_COUNT_ALL = 0;
export const FAULT_COUNT_NTH = 1;
export const FAULT_COUNT_EVERY = 2;
export const FAULT_COUNT_FROM = 3;

/** The request fails; first: errno. */
export const FAULT_EIO = 0;
/** Its first sectors are moved, then it fails; first: sectors, second: errno. */
export const FAULT_SHORT = 1;
/** Its sectors can not be read until they are overwritten. */
export const FAULT_LATENT = 2;
/** The drive is thinly provisioned; first: sectors of room. */
export const FAULT_ENOSPC = 3;
/** Its sectors read with wrong bits until they are overwritten; first: bits in each sector. */
export const FAULT_ROT = 4;
/** This read sees wrong bits, and the next one of its sectors does not; first: bits. */
export const FAULT_FLAKY = 5;
export const FAULT_LOST_WRITE = 6;
/** first: the sector that the first one of the rule's range becomes. */
export const FAULT_MISDIRECTED_WRITE = 7;
export const FAULT_MISDIRECTED_READ = 8;
/** first: units kept, second: FAULT_KEEP_… | errno << 8 | sectors of a unit << 24. */
export const FAULT_TORN_WRITE = 9;
export const FAULT_IGNORED_FLUSH = 10;
export const FAULT_IGNORED_FUA = 11;
/** The flush fails, and no later one covers what it should have covered; first: errno. */
export const FAULT_FAILED_FLUSH = 12;
/** first: thousandths that the service time is multiplied with, second: nanoseconds that are added. */
export const FAULT_SLOW = 13;
export const FAULT_STUCK = 14;
/** The drive has no room: EAGAIN for NOWAIT, else the request waits; first: nanoseconds. */
export const FAULT_QUEUE_FULL = 15;
/** From the first hit on every change is EROFS. */
export const FAULT_READ_ONLY = 16;
/** From the first hit on everything fails; first: errno. */
export const FAULT_GONE = 17;
/** Completions are late by a time of their own; first: nanoseconds, the most. */
export const FAULT_REORDER = 18;
export const FAULT_EFFECT_COUNT = 19;

/** Units of a torn write that reach the media: the first ones, the last ones, or each by identity. */
export const FAULT_KEEP_FIRST = 0;
export const FAULT_KEEP_LAST = 1;
export const FAULT_KEEP_SOME = 2;

/** What an effect does to a request of an operation: faultAction(effect, operation). */
export const FAULT_ACT_NONE = 0;
/** It fails, and nothing is moved. */
export const FAULT_ACT_FAIL = 1;
/** Some of it is moved, then it fails. */
export const FAULT_ACT_PART = 2;
/** Its sectors are damaged. */
export const FAULT_ACT_DAMAGE = 3;
/** It needs room, and fails without. */
export const FAULT_ACT_TAKE_ROOM = 4;
/** It gives room back. */
export const FAULT_ACT_GIVE_ROOM = 5;
/** Its answer has wrong bits. */
export const FAULT_ACT_FLIP = 6;
/** It answers success, and nothing happens. */
export const FAULT_ACT_IGNORE = 7;
/** It happens somewhere else. */
export const FAULT_ACT_MOVE = 8;
/** Some units of it reach the media. */
export const FAULT_ACT_TEAR = 9;
/** It is not forced to the media. */
export const FAULT_ACT_UNFORCE = 10;
/** It fails, and what it should have covered stays uncertain. */
export const FAULT_ACT_ORPHAN = 11;
/** It ends later. */
export const FAULT_ACT_DELAY = 12;
/** It never ends. */
export const FAULT_ACT_HANG = 13;
/** It is refused if it must not wait, and waits if it may. */
export const FAULT_ACT_REFUSE = 14;
/** It fails, and so does every later one that the effect concerns. */
export const FAULT_ACT_LATCH = 15;

/** A layer of damage, shown by faultLayerAt; u32 each unless said. */
export const FAULT_LAYER_SIZE = 64;
/** Counted from 1 over all layers ever made; 0: a free place. */
export const FAULT_LAYER_NUMBER = 0;
/** FAULT_LAYER_LATENT …. */
export const FAULT_LAYER_KIND = 4;
export const FAULT_LAYER_DRIVE = 8;
/** Number of the rule that made it. */
export const FAULT_LAYER_RULE = 12;
/** u64 each. */
export const FAULT_LAYER_SECTOR = 16;
export const FAULT_LAYER_SECTORS = 24;
/** u64: the purpose of its draws. Bits in each sector, and chance of each sector. */
export const FAULT_LAYER_PURPOSE = 32;
export const FAULT_LAYER_BITS = 40;
export const FAULT_LAYER_PER_MILLION = 44;
/** A part of the draws, so that damage made later differs. */
export const FAULT_LAYER_GENERATION = 48;
/** Request whose bytes hide the layer while they are volatile, or 0. */
export const FAULT_LAYER_HIDDEN_BY = 52;

/** A read fails. */
export const FAULT_LAYER_LATENT = 1;
/** A read has wrong bits. */
export const FAULT_LAYER_ROT = 2;
/** The media does not hold what it should; the layer file does. */
export const FAULT_LAYER_REPLACED = 3;

// ---- profiles of a volume: what of its metadata a crash may take ----

/** A journal: transactions, each whole or not there; nothing is written before it must. */
export const VOLUME_PROFILE_JOURNAL = 0;
/** A record for each change, written early: a flush covers all before it, and names change in order (ext4, data=ordered). */
export const VOLUME_PROFILE_ORDERED = 1;
/** As it, but a flush covers only the file or directory that it is for, and nothing else is in order (what POSIX promises). */
export const VOLUME_PROFILE_STRICT = 2;
/** As strict, but a rename and a truncation are in pieces too (ALICE's default model). */
export const VOLUME_PROFILE_ALICE = 3;

// ---- write log: a stream of 64-byte entries, each followed by its payload ----

/** The stream begins with a header of one entry's size. u64: LOG_MAGIC; u32 version; u32 drives; then each entry. */
export const LOG_HEADER_SIZE = 64;
export const LOG_HEADER_MAGIC = 0;
export const LOG_HEADER_VERSION = 8;
export const LOG_HEADER_DRIVES = 12;
/** 'SLWRLOG1' as bytes: two u32, little-endian. */
export const LOG_MAGIC_LOW = 0x52574c53;
export const LOG_MAGIC_HIGH = 0x31474f4c;
export const LOG_VERSION = 1;

export const LOG_ENTRY_SIZE = 64;
/** u8: LOG_SUBMIT …; u8: OP_…; u16: drive. */
export const LOG_ENTRY_KIND = 0;
export const LOG_ENTRY_OPERATION = 1;
export const LOG_ENTRY_DRIVE = 2;
/** u32: LOG_FLAG_…. */
export const LOG_ENTRY_FLAGS = 4;
/** u64: number of the request, counted from 1 over all drives; of a completion: which request; of a mark: 0. */
export const LOG_ENTRY_NUMBER = 8;
/** u64: virtual nanoseconds. */
export const LOG_ENTRY_TIME = 16;
/** u64 and u32: the sectors that the media changes at, or would. */
export const LOG_ENTRY_SECTOR = 24;
export const LOG_ENTRY_SECTORS = 32;
/** i32: result of a completion. */
export const LOG_ENTRY_RESULT = 36;
/** u32, of a submitted write and its parts: its chain, 0: none. Of the writes of a chain that are uncertain only the first ones can be there. */
export const LOG_ENTRY_CHAIN = 36;
/** u64: the caller's tag. */
export const LOG_ENTRY_TAG = 40;
/** u32: domain (an inode, a directory …), 0: none, or for a flush: all. */
export const LOG_ENTRY_DOMAIN = 48;
/** u32: bytes behind the entry, a multiple of 8: a write's data; a mark's text, padded with NULs. */
export const LOG_ENTRY_PAYLOAD = 52;
/** u64: the sector that was asked for, when a fault moved the write elsewhere; else as LOG_ENTRY_SECTOR. */
export const LOG_ENTRY_INTENDED = 56;

/** The drive took a request: reads are not logged. */
export const LOG_SUBMIT = 1;
/** The drive reported it complete. */
export const LOG_COMPLETE = 2;
/** A mark that the user set. */
export const LOG_MARK = 3;
/** A part of the request just submitted that has a tag or domain of its own: one for each bio when it was merged of several. A flush has one for each that it is for, without sectors. */
export const LOG_PART = 4;

/** The request asked for FUA. */
export const LOG_FLAG_FUA = 1;
/** The drive does nothing: a lost write or an ignored flush that it reports as success; a request that fails at once. */
export const LOG_FLAG_IGNORED = 2;
/** The payload is not all that was asked for: a torn write. */
export const LOG_FLAG_TORN = 4;
/** FUA was asked for and ignored. */
export const LOG_FLAG_FUA_IGNORED = 8;
/** A flush that fails and leaves what it should have covered uncertain: no later flush covers it either. */
export const LOG_FLAG_ORPHANING = 16;
/** The write does not tear: after a crash it is there as a whole or not at all. */
export const LOG_FLAG_UNTORN = 32;
/** The write is there only together with the next one of its chain that has no such flag: data, and the record that leads to it. */
export const LOG_FLAG_TOGETHER = 64;
/** All flags that there are. */
export const LOG_FLAGS_ALL = 127;

/** The domain of the volume's metadata and journal. */
export const LOG_DOMAIN_METADATA = 0xffffffff;
/** The chain of changes of names, where a profile keeps their order. */
export const LOG_CHAIN_METADATA = 0xffffffff;

/** State of the log, at logState(). u64: bytes of the whole stream; u64: of those, bytes in the log's file. */
export const LOG_STATE_BYTES = 0;
export const LOG_STATE_SPILLED = 8;
/** u64: entries that were left out because the log's file failed; i32: how it failed, a negative errno, or 0. */
export const LOG_STATE_DROPPED = 16;
export const LOG_STATE_ERROR = 24;
/** u32: marks. */
export const LOG_STATE_MARKS = 28;
export const LOG_STATE_SIZE = 32;

// ---- block devices: requests of whole sectors, submitted and reaped by hand ----

/** Flags of blockSubmit. Not merged with others; durable when it ends; what ended before is durable before it begins; EAGAIN instead of a wait for room. */
export const BLOCK_NO_MERGE = 1;
export const BLOCK_FUA = 2;
export const BLOCK_PREFLUSH = 4;
export const BLOCK_NOWAIT = 8;
export const BLOCK_FLAGS_ALL = 15;

/** An entry of blockReap. u32: handle; i32: 0 or a negative errno. */
export const BLOCK_DONE_HANDLE = 0;
export const BLOCK_DONE_RESULT = 4;
export const BLOCK_DONE_SIZE = 8;

/** What a drive holds, at driveHeld(): u32 number of the request, u32 OP_…, u64 sector, u32 sectors, u32 BLOCK_… flags, u64 tag of its first part. */
export const HELD_ID = 0;
export const HELD_OPERATION = 4;
export const HELD_SECTOR = 8;
export const HELD_SECTORS = 16;
export const HELD_FLAGS = 20;
export const HELD_TAG = 24;
export const HELD_SIZE = 32;

// ---- exploring a write log: crash points, states, images ----

/** What crashOpen reads at configAddress(). i32 each: WASI descriptors of the write log, the base image (-1: blank), and the image to build. */
export const CRASH_CONFIG_LOG_FD = 0;
export const CRASH_CONFIG_BASE_FD = 4;
export const CRASH_CONFIG_IMAGE_FD = 8;
/** u32 each: which drive of the log; CRASH_ORDER_…, CRASH_TEARING_…; sectors of a tearing unit, a power of two from 1 to 128. */
export const CRASH_CONFIG_DRIVE = 12;
export const CRASH_CONFIG_ORDER = 16;
export const CRASH_CONFIG_TEARING = 20;
export const CRASH_CONFIG_UNIT = 24;
/** u32 each: CRASH_DAMAGE_…, CRASH_SCOPE_…, CRASH_DEVICE_…, CRASH_DISCARD_…, CRASH_FLUSH_…, PROMISE_… bits. */
export const CRASH_CONFIG_DAMAGE = 28;
export const CRASH_CONFIG_SCOPE = 32;
export const CRASH_CONFIG_DEVICE = 36;
export const CRASH_CONFIG_DISCARD = 40;
export const CRASH_CONFIG_FLUSH_SCOPE = 44;
export const CRASH_CONFIG_PROMISES = 48;
export const CRASH_CONFIG_SEED = 52;
/** u64: a crash point with at most so many states is gone through exhaustively. */
export const CRASH_CONFIG_BOUND = 56;
/** u32: states of the sample of a crash point that has more. */
export const CRASH_CONFIG_BUDGET = 64;
/** u32 each: distinct images told apart, a power of two; states of which it is kept which image they have. */
export const CRASH_CONFIG_IMAGES = 68;
export const CRASH_CONFIG_VISITS = 72;
/** u32: bytes of payload kept in memory. */
export const CRASH_CONFIG_PAYLOAD_BYTES = 76;
/** Two u64: hash of the base image, 0 for a blank one or for hashes that count from it. */
export const CRASH_CONFIG_BASE_HASH = 80;
export const CRASH_CONFIG_SIZE = 96;

/** Which uncertain writes may be there: any of them, only the first ones, or of each domain only the first ones. */
export const CRASH_ORDER_ANY = 0;
export const CRASH_ORDER_PREFIX = 1;
export const CRASH_ORDER_DOMAIN_PREFIX = 2;
/** How a write tears: not at all, any of its units, its first units, its last ones, either, its first bytes. */
export const CRASH_TEARING_NONE = 0;
export const CRASH_TEARING_UNITS = 1;
export const CRASH_TEARING_PREFIX = 2;
export const CRASH_TEARING_SUFFIX = 3;
export const CRASH_TEARING_ENDS = 4;
export const CRASH_TEARING_BYTES = 5;
/** What a unit may hold beside old and new bytes. */
export const CRASH_DAMAGE_NONE = 0;
export const CRASH_DAMAGE_ZEROS = 1;
export const CRASH_DAMAGE_GARBAGE = 2;
/** Damage stays inside the written range, or takes the whole of the units that it touches. */
export const CRASH_SCOPE_POWERSAFE = 0;
export const CRASH_SCOPE_UNIT = 1;
/** A volatile cache, none (a completed write is durable), or flushes and FUA that do nothing. */
export const CRASH_DEVICE_VOLATILE = 0;
export const CRASH_DEVICE_NO_CACHE = 1;
export const CRASH_DEVICE_LYING = 2;
/** What is discarded and uncertain holds old bytes or zeros, each unit for itself; or a discard is a write of zeros. */
export const CRASH_DISCARD_OLD_OR_ZERO = 0;
export const CRASH_DISCARD_ZEROES = 1;
/** What a flush with a domain covers: everything, or the writes of its domain. */
export const CRASH_FLUSH_ALL = 0;
export const CRASH_FLUSH_DOMAIN = 1;

/** What crashReport() points at. u32 each: why the log is refused (CRASH_LOG_…), the entry counted from 1, and (u64) its offset. */
export const CRASH_ERROR = 0;
export const CRASH_ERROR_ENTRY = 4;
export const CRASH_ERROR_OFFSET = 8;
/** u32 each: entries of the log; writes, crash points and marks of it, and where they are (CRASH_WRITE_…, CRASH_POINT_…, CRASH_MARK_…). */
export const CRASH_ENTRY_COUNT = 16;
export const CRASH_WRITE_COUNT = 20;
export const CRASH_POINT_COUNT = 24;
export const CRASH_MARK_COUNT = 28;
export const CRASH_WRITES = 32;
export const CRASH_POINTS = 36;
export const CRASH_MARKS = 40;
/** u32 each: where the losses of a state are (CRASH_LOSS_…), and room for how many. */
export const CRASH_LOSSES = 44;
export const CRASH_LOSS_CAPACITY = 48;
/** u32: the crash point entered, or 0xffffffff. */
export const CRASH_AT_POINT = 52;
/** Of that point. f64 each: candidate states, and the logarithm of their number to the base 2; states to go through. */
export const CRASH_STATES = 56;
export const CRASH_STATES_LOG2 = 64;
export const CRASH_ORDINALS = 72;
/** u32 each: 1 when these are all states; writes that are uncertain. */
export const CRASH_IS_EXHAUSTIVE = 80;
export const CRASH_UNCERTAIN = 84;
/** Of the image last built or asked for. Two u64: its hash; u32 each: its number; 1 when it is new; crash points where it came first and last. */
export const CRASH_HASH = 88;
export const CRASH_IMAGE = 104;
export const CRASH_IS_NEW = 108;
export const CRASH_FIRST_POINT = 112;
export const CRASH_LAST_POINT = 116;
/** u32 each: states that have it; the first of the visits that are kept, 0: none. */
export const CRASH_IMAGE_STATES = 120;
export const CRASH_FIRST_VISIT = 124;
/** u32 each: distinct images; visits kept. f64: states built and counted. */
export const CRASH_DISTINCT = 128;
export const CRASH_VISIT_COUNT = 132;
export const CRASH_STATES_BUILT = 136;
/** Of the visit asked for. u32 each: its crash point, the next visit of its image; f64: ordinal of the state. */
export const CRASH_VISIT_POINT = 144;
export const CRASH_VISIT_NEXT = 148;
export const CRASH_VISIT_ORDINAL = 152;
/** u64: bytes of memory that the explorer needs. */
export const CRASH_MEMORY_BYTES = 160;
export const CRASH_REPORT_SIZE = 168;

/** Why a log is refused. */
export const CRASH_LOG_HEADER = 1;
export const CRASH_LOG_VERSION = 2;
export const CRASH_LOG_CUT_OFF = 3;
export const CRASH_LOG_KIND = 4;
export const CRASH_LOG_OPERATION = 5;
export const CRASH_LOG_DRIVE = 6;
export const CRASH_LOG_RANGE = 7;
export const CRASH_LOG_PAYLOAD = 8;
export const CRASH_LOG_NUMBER = 9;
export const CRASH_LOG_UNKNOWN_REQUEST = 10;
export const CRASH_LOG_COMPLETED_TWICE = 11;
export const CRASH_LOG_PART = 12;
export const CRASH_LOG_CHAIN = 13;

/** A write of the log, or the part of one that has a domain of its own. u64 each: sector, offset of its bytes in the log, number of its request, tag. */
export const CRASH_WRITE_SECTOR = 0;
export const CRASH_WRITE_PAYLOAD = 8;
export const CRASH_WRITE_NUMBER = 16;
export const CRASH_WRITE_TAG = 24;
/** u32 each: sectors; OP_…; LOG_FLAG_…; domain; steps at which it was submitted, completed, made durable, found failed (0xffffffff: never). */
export const CRASH_WRITE_SECTORS = 32;
export const CRASH_WRITE_OPERATION = 36;
export const CRASH_WRITE_FLAGS = 40;
export const CRASH_WRITE_DOMAIN = 44;
export const CRASH_WRITE_SUBMITTED = 48;
export const CRASH_WRITE_COMPLETED = 52;
export const CRASH_WRITE_DURABLE = 56;
export const CRASH_WRITE_FAILED = 60;
/** u32 each: its chain, and its link: writes of one link are there together or not at all; 0: none. */
export const CRASH_WRITE_CHAIN = 64;
export const CRASH_WRITE_LINK = 68;
export const CRASH_WRITE_SIZE = 176;

/** A crash point. u32 each: entries of the log before the crash, and the last step before something changes; CRASH_POINT_… kind; the write submitted there, or 0xffffffff. */
export const CRASH_POINT_STEP = 0;
export const CRASH_POINT_LAST_STEP = 4;
export const CRASH_POINT_KIND = 8;
export const CRASH_POINT_WRITE = 12;
/** u64: number of the request. */
export const CRASH_POINT_NUMBER = 16;
export const CRASH_POINT_SIZE = 24;

export const CRASH_AT_START = 0;
export const CRASH_AT_SUBMIT = 1;
/** A write became durable by its own completion: FUA, or a drive without a cache. */
export const CRASH_AT_DURABLE_WRITE = 2;
export const CRASH_AT_FLUSH = 3;
/** A write was found to have failed. */
export const CRASH_AT_FAILURE = 4;

/** A mark. u32 each: its step, bytes of its text with padding; u64: offset of the text in the log. */
export const CRASH_MARK_STEP = 0;
export const CRASH_MARK_BYTES = 4;
export const CRASH_MARK_TEXT = 8;
export const CRASH_MARK_SIZE = 16;

/** What a state lacks of a write. u32 each: the write, CRASH_LOSS_…; u64 each: bytes of the drive from and how many; u32: pattern of garbage. */
export const CRASH_LOSS_WRITE = 0;
export const CRASH_LOSS_KIND = 4;
export const CRASH_LOSS_FROM = 8;
export const CRASH_LOSS_BYTES = 16;
export const CRASH_LOSS_PATTERN = 24;
export const CRASH_LOSS_SIZE = 32;

/** The bytes are what was there before; they are zeros; they are garbage. */
export const CRASH_LOSS_MISSING = 1;
export const CRASH_LOSS_ZEROS = 2;
export const CRASH_LOSS_GARBAGE = 3;

export const CONFIG_FILE_OFFSET_BYTES = 0;
export const CONFIG_FILE_CAPACITY_BYTES = 8;
export const CONFIG_FILE_SIZE_BYTES = 16;
export const CONFIG_FILE_DRIVE = 24;
export const CONFIG_FILE_FLAGS = 28;
export const CONFIG_FILE_SIZE = 32;

/** A write behind the capacity answers EFBIG, as at RLIMIT_FSIZE, instead of ENOSPC. */
export const FILE_FLAG_EFBIG = 1;

// ---- open flags of fileOpen ----

export const OPEN_READ = 1;
export const OPEN_WRITE = 2;
/** Around the page cache (O_DIRECT): offsets, lengths and pieces in whole sectors. */
export const OPEN_DIRECT = 4;
export const OPEN_DSYNC = 8;
export const OPEN_SYNC = 16;
export const OPEN_APPEND = 32;
export const OPEN_FLAGS_ALL = 63;
/** Of volumeOpen only: O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY. */
export const OPEN_CREATE = 64;
export const OPEN_EXCLUSIVE = 128;
export const OPEN_TRUNCATE = 256;
export const OPEN_DIRECTORY = 512;
export const VOLUME_OPEN_FLAGS_ALL = 1023;

// ---- stat: 96 bytes, written by fileStat and volumeStat ----

export const STAT_SIZE = 96;
/** u32 each. */
export const STAT_INODE = 0;
export const STAT_MODE = 4;
export const STAT_LINKS = 8;
export const STAT_UID = 12;
export const STAT_GID = 16;
export const STAT_BLOCK_SIZE = 20;
/** u64 each: bytes, 512-byte sectors allocated, and nanoseconds since 1970 on the machine's clock. */
export const STAT_BYTES = 24;
export const STAT_SECTORS = 32;
export const STAT_ACCESS_TIME = 40;
export const STAT_MODIFY_TIME = 48;
export const STAT_CHANGE_TIME = 56;
export const STAT_BIRTH_TIME = 64;
/** u32: bumped whenever the inode number is used for a new file. */
export const STAT_GENERATION = 72;

/** Bits of STAT_MODE that tell the type (S_IFMT). */
export const MODE_TYPE = 0xf000;
export const MODE_DIRECTORY = 0x4000;
export const MODE_FILE = 0x8000;

// ---- statfs: 64 bytes, written by volumeStatfs; u32 each unless said ----

export const STATFS_SIZE = 64;
export const STATFS_BLOCK_SIZE = 0;
export const STATFS_NAME_MAX = 4;
export const STATFS_INODES = 8;
export const STATFS_INODES_FREE = 12;
/** u64 each. */
export const STATFS_BLOCKS = 16;
export const STATFS_BLOCKS_FREE = 24;
/** u32: extents that the volume has room for, and those free. */
export const STATFS_EXTENTS = 32;
export const STATFS_EXTENTS_FREE = 36;

// ---- directory entry of volumeReaddir: 16 bytes and the name, padded to 8 ----

export const DIRENT_INODE = 0;
/** u32: pass it as the cursor to go on behind this entry. */
export const DIRENT_COOKIE = 4;
/** u16: bytes of the whole entry, a multiple of 8. */
export const DIRENT_BYTES = 8;
/** u8: bytes of the name. */
export const DIRENT_NAME_BYTES = 10;
/** u8: 4 for a directory, 8 for a file (DT_DIR, DT_REG). */
export const DIRENT_TYPE = 11;
/** The name, UTF-8, without an end mark. */
export const DIRENT_NAME = 16;
export const DIRENT_TYPE_DIRECTORY = 4;
export const DIRENT_TYPE_FILE = 8;

/** Bits of the mask of volumeSetAttributes and fileSetAttributes: which fields of a STAT struct to take. */
export const ATTRIBUTE_MODE = 1;
export const ATTRIBUTE_OWNER = 2;
export const ATTRIBUTE_TIMES = 4;

// ---- problem: 32 bytes, written by volumeCheck and volumeMount; u32 each ----

export const PROBLEM_SIZE = 32;
/** PROBLEM_…; what the numbers mean is said there and in src/fs/problems.ts. */
export const PROBLEM_KIND = 0;
/** Sector of the drive, inode, and three numbers. */
export const PROBLEM_SECTOR = 4;
export const PROBLEM_INODE = 8;
export const PROBLEM_FIRST = 12;
export const PROBLEM_SECOND = 16;
export const PROBLEM_THIRD = 20;

/** Both superblocks are damaged. first and second: the words they begin with. */
export const PROBLEM_SUPERBLOCK = 1;
/** The drive holds something else. Numbers as above. */
export const PROBLEM_NOT_A_VOLUME = 2;
/** Made with another size. first: 0 version, 1 block size, 2 inodes, 3 extents, 4 blocks, 5 VOLUME_PROFILE_…; second: the volume's; third: the machine's. */
export const PROBLEM_GEOMETRY = 3;
/** A sector of metadata is not what was written. first: the word that it begins with, second: its checksum, third: the right one. */
export const PROBLEM_CHECKSUM = 4;
/** A transaction of the journal is damaged. first: its number, second: that of a later one which is there. */
export const PROBLEM_JOURNAL = 5;
/** An inode that can not be. first: its mode, second: its links. */
export const PROBLEM_BAD_INODE = 6;
/** The root is not a directory of its own. first: its mode, second: its parent. */
export const PROBLEM_ROOT = 7;
/** An inode's links are not those that there are. first: its links, second: those that were found. */
export const PROBLEM_LINKS = 8;
/** A name that can not be. inode: what it names, first: the directory, second: bytes of the name, third: its type. */
export const PROBLEM_NAME = 9;
/** A name stands twice in a directory. Numbers as above; third: the other name's sector. */
export const PROBLEM_NAME_TWICE = 10;
/** A name of nothing, or in what is no directory. inode, first: as above, second: mode of the inode, third: mode of the directory. */
export const PROBLEM_DANGLING = 11;
/** A directory's parent is not the one it is named in. first: its parent, second: the directory with its name. */
export const PROBLEM_PARENT = 12;
/** A directory that no path reaches. first: its parent. */
export const PROBLEM_UNREACHABLE = 13;
/** An extent that can not be. inode: whose; first: slot, second: first block, third: why (1 range, 2 blocks of another, 3 overlaps, 4 no file). */
export const PROBLEM_EXTENT = 14;
/** Memory and metadata disagree about extents. first: what (CHECK_… of files/volume/extents). */
export const PROBLEM_EXTENTS_MEMORY = 15;
/** Memory and metadata disagree. first: 1 a sector changed unseen, 2 a name not found, 3 entries, 4 an inode, 5 free inodes, 6 free names; second and third: the two numbers. */
export const PROBLEM_MEMORY = 16;

/** Flags of volumeRename. */
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

/** Mode of fileFallocate: Linux's FALLOC_FL_…; 0 allocates and moves the end. */
export const FALLOCATE_KEEP_SIZE = 1;
export const FALLOCATE_PUNCH_HOLE = 2;
export const FALLOCATE_ZERO_RANGE = 16;

/** Flags of fileSyncRange (sync_file_range). */
export const SYNC_RANGE_WAIT_BEFORE = 1;
export const SYNC_RANGE_WRITE = 2;
export const SYNC_RANGE_WAIT_AFTER = 4;

/** Advice of fileAdvise: Linux's POSIX_FADV_…. */
export const ADVICE_NORMAL = 0;
export const ADVICE_RANDOM = 1;
export const ADVICE_SEQUENTIAL = 2;
export const ADVICE_WILLNEED = 3;
export const ADVICE_DONTNEED = 4;
export const ADVICE_NOREUSE = 5;

/** whence of fileSeek: SEEK_DATA and SEEK_HOLE. */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** Values of CONFIG_EVICTION. */
export const EVICTION_LINUX = 0;
export const EVICTION_LRU = 1;
export const EVICTION_FIFO = 2;
export const EVICTION_CLOCK = 3;
export const EVICTION_S3_FIFO = 4;

// ---- dirty limits: u64 each, pages, at dirtyLimits() ----

/** The limit (thresh), where the flusher begins, where pauses begin, and where writers go at the base rate. */
export const DIRTY_LIMITS_THRESHOLD = 0;
export const DIRTY_LIMITS_BACKGROUND = 8;
export const DIRTY_LIMITS_FREERUN = 16;
export const DIRTY_LIMITS_SETPOINT = 24;
/** What the base rate is multiplied with now, in units of 1 / (1 << RATIO_SHIFT): 0 to 2. */
export const DIRTY_LIMITS_POSITION_RATIO = 32;
export const DIRTY_LIMITS_SIZE = 40;
export const RATIO_SHIFT = 10;

// ---- what a drive has done, at driveStat(): u64 each, in the order of /sys/block/*/stat; ticks in milliseconds ----

export const DISK_STAT_READ_IOS = 0;
export const DISK_STAT_READ_MERGES = 8;
export const DISK_STAT_READ_SECTORS = 16;
export const DISK_STAT_READ_TICKS = 24;
export const DISK_STAT_WRITE_IOS = 32;
export const DISK_STAT_WRITE_MERGES = 40;
export const DISK_STAT_WRITE_SECTORS = 48;
export const DISK_STAT_WRITE_TICKS = 56;
export const DISK_STAT_IN_FLIGHT = 64;
export const DISK_STAT_IO_TICKS = 72;
export const DISK_STAT_TIME_IN_QUEUE = 80;
export const DISK_STAT_DISCARD_IOS = 88;
export const DISK_STAT_DISCARD_MERGES = 96;
export const DISK_STAT_DISCARD_SECTORS = 104;
export const DISK_STAT_DISCARD_TICKS = 112;
export const DISK_STAT_FLUSH_IOS = 120;
export const DISK_STAT_FLUSH_TICKS = 128;
export const DISK_STAT_SIZE = 136;

// ---- power cuts: what driveCutPower chooses, and a write that it may lose (40 bytes, written by driveUncertain) ----

export const CUT_NONE = 0;
export const CUT_ALL = 1;
/** Each choice by itself, from the seed and the identity of the write. */
export const CUT_RANDOM = 2;
/** One bit a choice: a write in submission order, or each of its units. */
export const CUT_MASK = 3;

/** u32 each, unless said: identity of its request; OP_…; 1 when it has completed; its choices. */
export const UNCERTAIN_ID = 0;
export const UNCERTAIN_OPERATION = 4;
export const UNCERTAIN_COMPLETED = 8;
export const UNCERTAIN_CHOICES = 12;
/** u64. */
export const UNCERTAIN_SECTOR = 16;
export const UNCERTAIN_SECTORS = 24;
/** u64: the caller's tag. */
export const UNCERTAIN_TAG = 32;
export const UNCERTAIN_SIZE = 40;

// ---- what another machine must have to go on with the drives, at drivesSave(): count u32, then address and bytes, u32 each ----

export const SAVED_COUNT = 0;
export const SAVED_BLOCKS = 4;
export const SAVED_BLOCK_SIZE = 8;
export const SAVED_MAX_BLOCKS = 15;

// ---- what a descriptor names ----

export const DESCRIPTOR_FILE = 0;
export const DESCRIPTOR_EVENTFD = 1;

// ---- Linux AIO: struct iocb (64 bytes), struct io_event (32 bytes), ring header (32 bytes); linux/aio_abi.h ----

export const IOCB_SIZE = 64;
export const IOCB_DATA = 0;
export const IOCB_KEY = 8;
export const IOCB_RW_FLAGS = 12;
export const IOCB_LIO_OPCODE = 16;
export const IOCB_REQPRIO = 18;
export const IOCB_FILDES = 20;
export const IOCB_BUF = 24;
export const IOCB_NBYTES = 32;
export const IOCB_OFFSET = 40;
export const IOCB_RESERVED2 = 48;
export const IOCB_FLAGS = 56;
export const IOCB_RESFD = 60;

export const IOCB_CMD_PREAD = 0;
export const IOCB_CMD_PWRITE = 1;
export const IOCB_CMD_FSYNC = 2;
export const IOCB_CMD_FDSYNC = 3;
export const IOCB_CMD_POLL = 5;
export const IOCB_CMD_NOOP = 6;
export const IOCB_CMD_PREADV = 7;
export const IOCB_CMD_PWRITEV = 8;

export const IOCB_FLAG_RESFD = 1;
export const IOCB_FLAG_IOPRIO = 2;

export const RWF_HIPRI = 1;
export const RWF_DSYNC = 2;
export const RWF_SYNC = 4;
export const RWF_NOWAIT = 8;
export const RWF_APPEND = 16;
export const RWF_NOAPPEND = 32;
export const RWF_ATOMIC = 64;
export const RWF_DONTCACHE = 128;
export const RWF_NOSIGNAL = 256;

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;

/** Flag of eventfdCreate: a read takes 1 instead of everything (EFD_SEMAPHORE). */
export const EVENTFD_SEMAPHORE = 1;

export const IO_EVENT_SIZE = 32;
export const IO_EVENT_DATA = 0;
export const IO_EVENT_OBJ = 8;
export const IO_EVENT_RES = 16;
export const IO_EVENT_RES2 = 24;

export const AIO_RING_ID = 0;
export const AIO_RING_NR = 4;
export const AIO_RING_HEAD = 8;
export const AIO_RING_TAIL = 12;
export const AIO_RING_MAGIC = 16;
export const AIO_RING_COMPAT = 20;
export const AIO_RING_INCOMPAT = 24;
export const AIO_RING_HEADER_LENGTH = 28;
export const AIO_RING_HEADER_SIZE = 32;
export const AIO_RING_MAGIC_VALUE = 0xa10a10a1;

// ---- Ceph's aio_t (192 bytes), aio_queue_t, and one batch of requests; src/blk/aio/aio.h ----

export const AIO_T_SIZE = 192;
/** The iocb is the first member: an aio_t's address is its iocb's. */
export const AIO_T_IOCB = 0;
/** u64: whose request it is; submit_batch sets it. */
export const AIO_T_PRIV = 64;
export const AIO_T_FD = 72;
export const AIO_T_IOV_COUNT = 76;
/** u64 each: kept for the length check at completion. */
export const AIO_T_OFFSET = 80;
export const AIO_T_LENGTH = 88;
/** i64: the result, or AIO_T_NOT_DONE below zero. */
export const AIO_T_RVAL = 96;
/** u64: where the iovecs are: at AIO_T_INLINE_IOVECS unless there are more than fit. */
export const AIO_T_IOV = 104;
export const AIO_T_INLINE_IOVECS = 112;
/** Two u64 for whoever lists the request (queue_item). */
export const AIO_T_QUEUE_ITEM = 176;
export const AIO_T_INLINE_COUNT = 4;
/** get_return_value() is minus this until the request was reaped. */
export const AIO_T_NOT_DONE = 1000;

/** 16-byte struct iovec of a 64-bit Linux. */
export const IOVEC_SIZE = 16;
export const IOVEC_BASE = 0;
export const IOVEC_LENGTH = 8;

/** State of an aio_queue, at aioQueueState(). u32: ABORT_… of the last call that would have aborted Ceph. */
export const AIO_QUEUE_ABORT = 0;
/** u32: handle of its AIO context, 0 before init and after shutdown. */
export const AIO_QUEUE_CONTEXT = 4;
export const AIO_QUEUE_MAX_IODEPTH = 8;
export const AIO_QUEUE_SIZE = 16;

/** Options and results of one submit_batch, in client memory. u64: stored in each request. */
export const AIO_BATCH_PRIV = 0;
/** u32: retries without progress, at most MAX_SUBMIT_RETRIES. */
export const AIO_BATCH_SUBMIT_RETRIES = 8;
/** u32: AIO_RULE_…. */
export const AIO_BATCH_RULE = 12;
/** u64: microseconds before the first retry. */
export const AIO_BATCH_INITIAL_DELAY_US = 16;
/** i32: requests that were accepted, also where the call answers an error. */
export const AIO_BATCH_DONE = 24;
/** u32: the call adds its retries; the caller zeroes it. */
export const AIO_BATCH_RETRIES = 28;
/** u64: virtual nanoseconds slept. */
export const AIO_BATCH_SLEPT = 32;
/** u32: calls of io_submit. */
export const AIO_BATCH_CALLS = 40;
export const AIO_BATCH_SIZE = 48;

/** Ceph of today: what was accepted in part is tried again after a delay, and the window is filled anew when it is empty. */
export const AIO_RULE_WINDOW = 0;
/** Ceph of about 2018 to 2023: acceptance in part is progress. */
export const AIO_RULE_OLDER = 1;

/** What aborts the process in Ceph. */
export const ABORT_NONE = 0;
export const ABORT_INIT_TWICE = 1;
export const ABORT_NOT_SHUT_DOWN = 2;
export const ABORT_DESTROY_FAILED = 3;
export const ABORT_BATCH_TOO_LONG = 4;
export const ABORT_NOTHING_ACCEPTED = 5;
/** The range of an I/O is not one of the device's (is_valid_io). */
export const ABORT_INVALID_IO = 6;
/** submit_batch failed. */
export const ABORT_SUBMIT = 7;
/** get_next_completed failed, or what it gave is no request of the device. */
export const ABORT_REAP = 8;
/** A request failed with an error that is not expected of a medium, or its context does not allow errors. */
export const ABORT_UNEXPECTED_ERROR = 9;
export const ABORT_SHORT_IO = 10;
export const ABORT_FLUSH = 11;
export const ABORT_COUNT = 12;

/** Options of kernelDeviceOpen, in client memory. u32: a power of two from 512 to 65,536. */
export const DEVICE_OPTION_BLOCK_SIZE = 0;
/** i32: of its aio_queue. */
export const DEVICE_OPTION_MAX_IODEPTH = 4;
/** u32: events reaped at a time, 1 to DEFAULT_AIO_REAP. */
export const DEVICE_OPTION_REAP_MAX = 8;
export const DEVICE_OPTION_SUBMIT_RETRIES = 12;
/** u64: microseconds. */
export const DEVICE_OPTION_INITIAL_DELAY_US = 16;
/** u32: a longer write is cut into requests of so many bytes; a multiple of 512. */
export const DEVICE_OPTION_RW_IO_MAX = 24;
/** u32: AIO_RULE_…. */
export const DEVICE_OPTION_RULE = 28;
export const DEVICE_OPTION_SIZE = 32;

/** State of a kernel device, at kernelDeviceState(). u32: ABORT_… of the last call with an argument that aborts Ceph. */
export const DEVICE_ABORT = 0;
/** u32: ABORT_… that killed the device, 0 while it lives; i32: the result that did. */
export const DEVICE_DEATH = 4;
export const DEVICE_DEATH_RESULT = 8;
export const DEVICE_BLOCK_SIZE = 12;
/** u64: bytes, a multiple of the block size. */
export const DEVICE_SIZE_BYTES = 16;
/** u32: 1 when I/O was reaped since the last flush. */
export const DEVICE_IO_SINCE_FLUSH = 24;
/** u32: fdatasyncs that flush() made. */
export const DEVICE_FDATASYNCS = 28;
/** u32: handle of its AIO context. */
export const DEVICE_CONTEXT = 32;

/** State of an IOContext, at ioContextState(). u64: 0 for a context whose owner waits. */
export const IO_CONTEXT_PRIV = 0;
export const IO_CONTEXT_NUM_PENDING = 8;
export const IO_CONTEXT_NUM_RUNNING = 12;
/** i32: 0 or -EIO. */
export const IO_CONTEXT_RESULT = 16;
export const IO_CONTEXT_ALLOW_EIO = 20;
/** u32 and u64: retries of its batches, virtual nanoseconds that they slept. */
export const IO_CONTEXT_RETRIES = 24;
export const IO_CONTEXT_SLEPT = 32;
// ---- 3FS USRBIO (hf3fs_usrbio.h, IoRing.h of 3FS; the sizes of x86-64) ----

export const HF3FS_IOV_SIZE = 312;
export const HF3FS_IOV_BASE = 0;
export const HF3FS_IOV_IOVH = 8;
/** 16 bytes. */
export const HF3FS_IOV_ID = 16;
/** 256 bytes, NUL-terminated. */
export const HF3FS_IOV_MOUNT_POINT = 32;
export const HF3FS_IOV_BYTES = 288;
export const HF3FS_IOV_BLOCK_SIZE = 296;
export const HF3FS_IOV_NUMA = 304;

/** A ring begins with its own iov. */
export const HF3FS_IOR_SIZE = 600;
export const HF3FS_IOR_IORH = 312;
export const HF3FS_IOR_MOUNT_POINT = 320;
/** u8 */
export const HF3FS_IOR_FOR_READ = 576;
export const HF3FS_IOR_IO_DEPTH = 580;
export const HF3FS_IOR_PRIORITY = 584;
/** Milliseconds. */
export const HF3FS_IOR_TIMEOUT = 588;
/** u64 */
export const HF3FS_IOR_FLAGS = 592;

export const HF3FS_CQE_SIZE = 24;
export const HF3FS_CQE_INDEX = 0;
export const HF3FS_CQE_RESULT = 8;
export const HF3FS_CQE_USERDATA = 16;

export const HF3FS_SQE_SIZE = 16;
export const HF3FS_SQE_SLOT = 0;
export const HF3FS_SQE_USERDATA = 8;

export const HF3FS_ARGS_SIZE = 56;
export const HF3FS_ARGS_BUFFER_ID = 0;
export const HF3FS_ARGS_BUFFER_OFFSET = 16;
export const HF3FS_ARGS_FILE = 24;
export const HF3FS_ARGS_FILE_OFFSET = 32;
export const HF3FS_ARGS_LENGTH = 40;
export const HF3FS_ARGS_USERDATA = 48;

/** The ring in shared memory: four markers, then args, completions, submissions, a semaphore, and slack. */
export const HF3FS_RING_SQE_HEAD = 0;
export const HF3FS_RING_SQE_TAIL = 4;
export const HF3FS_RING_CQE_HEAD = 8;
export const HF3FS_RING_CQE_TAIL = 12;
export const HF3FS_RING_MARKERS = 16;
export const HF3FS_RING_SEMAPHORE = 32;
export const HF3FS_RING_SLACK = 4096;

export const HF3FS_IOR_ALLOW_READ_UNCOMMITTED = 1;
export const HF3FS_IOR_FORBID_READ_HOLES = 2;
export const HF3FS_SUPER_MAGIC = 0x8f3f5fff;

/** The daemon takes jobs of high priority first (enable_priority of 3FS). */
export const USRBIO_FLAG_PRIORITY = 1;
/** The client is a read-only user: the requests of write rings end with EROFS. */
export const USRBIO_FLAG_READ_ONLY = 2;

/** Why a job has the requests it has (detail of RECORD_USRBIO_JOB). */
export const USRBIO_JOB_DEPTH = 0;
export const USRBIO_JOB_ALL = 1;
export const USRBIO_JOB_REST = 2;
export const USRBIO_JOB_TIMEOUT = 3;

// ---- split virtqueue (virtio 1.2 §2.7) and virtio-blk (§5.2) ----

export const VIRTQ_DESC_SIZE = 16;
export const VIRTQ_DESC_ADDR = 0;
export const VIRTQ_DESC_LEN = 8;
export const VIRTQ_DESC_FLAGS = 12;
export const VIRTQ_DESC_NEXT = 14;
export const VIRTQ_DESC_F_NEXT = 1;
export const VIRTQ_DESC_F_WRITE = 2;
export const VIRTQ_DESC_F_INDIRECT = 4;
/** Flags of the available ring: the driver wants no interrupts; of the used ring: the device wants no notifications. */
export const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
export const VIRTQ_USED_F_NO_NOTIFY = 1;
export const VIRTQ_AVAIL_IDX = 2;
export const VIRTQ_AVAIL_RING = 4;
export const VIRTQ_USED_IDX = 2;
export const VIRTQ_USED_RING = 4;
export const VIRTQ_USED_ENTRY_SIZE = 8;

// ---- virtio device: status, features, registers of virtio-mmio version 2 (virtio 1.2 §2.1, §6, §4.2.2) ----

export const VIRTIO_STATUS_ACKNOWLEDGE = 1;
export const VIRTIO_STATUS_DRIVER = 2;
export const VIRTIO_STATUS_DRIVER_OK = 4;
export const VIRTIO_STATUS_FEATURES_OK = 8;
export const VIRTIO_STATUS_NEEDS_RESET = 64;
export const VIRTIO_STATUS_FAILED = 128;

/** Feature bits, counted from 0. */
export const VIRTIO_BLK_F_SEG_MAX = 2;
export const VIRTIO_BLK_F_GEOMETRY = 4;
export const VIRTIO_BLK_F_RO = 5;
export const VIRTIO_BLK_F_BLK_SIZE = 6;
export const VIRTIO_BLK_F_FLUSH = 9;
export const VIRTIO_BLK_F_TOPOLOGY = 10;
export const VIRTIO_BLK_F_CONFIG_WCE = 11;
export const VIRTIO_BLK_F_MQ = 12;
export const VIRTIO_BLK_F_DISCARD = 13;
export const VIRTIO_BLK_F_WRITE_ZEROES = 14;
export const VIRTIO_F_INDIRECT_DESC = 28;
export const VIRTIO_F_EVENT_IDX = 29;
export const VIRTIO_F_VERSION_1 = 32;

export const VIRTIO_INTERRUPT_USED = 1;
export const VIRTIO_INTERRUPT_CONFIG = 2;

export const VIRTIO_MMIO_MAGIC = 0x000;
export const VIRTIO_MMIO_VERSION = 0x004;
export const VIRTIO_MMIO_DEVICE_ID = 0x008;
export const VIRTIO_MMIO_VENDOR_ID = 0x00c;
export const VIRTIO_MMIO_DEVICE_FEATURES = 0x010;
export const VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014;
export const VIRTIO_MMIO_DRIVER_FEATURES = 0x020;
export const VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024;
export const VIRTIO_MMIO_QUEUE_SEL = 0x030;
export const VIRTIO_MMIO_QUEUE_SIZE_MAX = 0x034;
export const VIRTIO_MMIO_QUEUE_SIZE = 0x038;
export const VIRTIO_MMIO_QUEUE_READY = 0x044;
export const VIRTIO_MMIO_QUEUE_NOTIFY = 0x050;
export const VIRTIO_MMIO_INTERRUPT_STATUS = 0x060;
export const VIRTIO_MMIO_INTERRUPT_ACK = 0x064;
export const VIRTIO_MMIO_STATUS = 0x070;
export const VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080;
export const VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084;
export const VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090;
export const VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094;
export const VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0;
export const VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4;
export const VIRTIO_MMIO_SHM_LEN_LOW = 0x0b0;
export const VIRTIO_MMIO_SHM_BASE_HIGH = 0x0bc;
export const VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc;
export const VIRTIO_MMIO_CONFIG = 0x100;

// ---- virtio-blk config space (virtio 1.2 §5.2.4): the part that this device has ----

export const VIRTIO_BLK_CONFIG_CAPACITY = 0;
export const VIRTIO_BLK_CONFIG_SEG_MAX = 12;
export const VIRTIO_BLK_CONFIG_CYLINDERS = 16;
export const VIRTIO_BLK_CONFIG_HEADS = 18;
export const VIRTIO_BLK_CONFIG_SECTORS = 19;
export const VIRTIO_BLK_CONFIG_BLK_SIZE = 20;
export const VIRTIO_BLK_CONFIG_PHYSICAL_BLOCK_EXP = 24;
export const VIRTIO_BLK_CONFIG_MIN_IO_SIZE = 26;
export const VIRTIO_BLK_CONFIG_OPT_IO_SIZE = 28;
export const VIRTIO_BLK_CONFIG_WRITEBACK = 32;
export const VIRTIO_BLK_CONFIG_NUM_QUEUES = 34;
export const VIRTIO_BLK_CONFIG_MAX_DISCARD_SECTORS = 36;
export const VIRTIO_BLK_CONFIG_MAX_DISCARD_SEG = 40;
export const VIRTIO_BLK_CONFIG_DISCARD_ALIGNMENT = 44;
export const VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS = 48;
export const VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SEG = 52;
export const VIRTIO_BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP = 56;
/** With DISCARD and WRITE_ZEROES, as QEMU sizes it. */
export const VIRTIO_BLK_CONFIG_SIZE = 57;

export const VIRTIO_BLK_HEADER_SIZE = 16;
export const VIRTIO_BLK_T_IN = 0;
export const VIRTIO_BLK_T_OUT = 1;
export const VIRTIO_BLK_T_FLUSH = 4;
export const VIRTIO_BLK_T_GET_ID = 8;
export const VIRTIO_BLK_T_DISCARD = 11;
export const VIRTIO_BLK_T_WRITE_ZEROES = 13;
/** Legacy: SCSI passthrough. */
export const VIRTIO_BLK_T_SCSI_CMD = 2;
export const VIRTIO_BLK_S_OK = 0;
export const VIRTIO_BLK_S_IOERR = 1;
export const VIRTIO_BLK_S_UNSUPP = 2;
export const VIRTIO_BLK_ID_BYTES = 20;

/** What query-blockstats says of a device: three groups (reads, writes, flushes) of u64, then events and I/O status. */
export const VIRTIO_STATS_OPERATIONS = 0;
export const VIRTIO_STATS_BYTES = 8;
export const VIRTIO_STATS_MERGED = 16;
export const VIRTIO_STATS_FAILED = 24;
export const VIRTIO_STATS_INVALID = 32;
/** Nanoseconds from submission to completion, all requests together. */
export const VIRTIO_STATS_TIME = 40;
export const VIRTIO_STATS_GROUP_SIZE = 48;
export const VIRTIO_STATS_EVENTS = 144;
export const VIRTIO_STATS_STATUS = 152;
export const VIRTIO_STATS_SIZE = 160;

export const VIRTIO_IO_STATUS_OK = 0;
export const VIRTIO_IO_STATUS_FAILED = 1;
export const VIRTIO_IO_STATUS_NOSPACE = 2;

/** rerror and werror. */
export const ON_ERROR_REPORT = 0;
export const ON_ERROR_IGNORE = 1;
export const ON_ERROR_STOP = 2;
export const ON_ERROR_ENOSPC = 3;

export const VIRTIO_ENGINE_THREADS = 0;
export const VIRTIO_ENGINE_LINUX_AIO = 1;

/** Flags of CONFIG_VIRTIO_FLAGS. */
export const VIRTIO_FLAG_DETECT_ZEROES = 1;
/** A write of zeros that was detected gives its blocks back. */
export const VIRTIO_FLAG_DETECT_UNMAP = 2;
/** Discards answer success and do nothing (discard=ignore). */
export const VIRTIO_FLAG_IGNORE_DISCARD = 4;
/** A write with FUA is a write and a flush. */
export const VIRTIO_FLAG_EMULATE_FUA = 8;

/** Cache modes of a virtio-blk device, QEMU's names. */
export const CACHE_MODE_WRITEBACK = 0;
export const CACHE_MODE_NONE = 1;
export const CACHE_MODE_WRITETHROUGH = 2;
export const CACHE_MODE_DIRECTSYNC = 3;
export const CACHE_MODE_UNSAFE = 4;

// ---- replay player: its state, read by the host between calls ----

export const REPLAY_THROUGH_VIRTIO = 0;
export const REPLAY_THROUGH_AIO = 1;
export const REPLAY_THROUGH_USRBIO = 2;
export const REPLAY_THROUGH_BLUESTORE = 3;

/** u32: records of the batch that have been put on a ring. */
export const REPLAY_CONSUMED = 0;
/** u32: 0, or the positive errno of the request that stopped the player. */
export const REPLAY_ERROR = 4;
/** u64: line of the request that stopped the player, or of the first mismatch. */
export const REPLAY_ERROR_LINE = 8;
export const REPLAY_MISMATCH_LINE = 16;
/** u64: sector of the first mismatch. */
export const REPLAY_MISMATCH_SECTOR = 24;
export const REPLAY_SECTORS_CHECKED = 32;
export const REPLAY_MISMATCHES = 40;
export const REPLAY_HELD_FOR_OVERLAP = 48;
export const REPLAY_NOTIFICATIONS = 56;
export const REPLAY_REQUESTS = 64;
/** u64: requests that could not be put on a ring when they arrived: no slot, no room for their bytes, or the ring was full. */
export const REPLAY_LATE = 72;
/** u64: requests whose time in the trace lies before an earlier one's; they arrive with that one. */
export const REPLAY_BACKWARD = 80;
/** u64: requests on the rings at one time, at the most. */
export const REPLAY_MOST_IN_FLIGHT = 88;
/** u64: virtual time when the last request ended. */
export const REPLAY_LAST_END = 96;
/** u64: bytes of the reads and writes that have ended. */
export const REPLAY_BYTES = 104;
export const REPLAY_STATE_SIZE = 112;

/** When a request is issued: in lots, one after the other; at its time in the trace; or when one of N clients is free. */
export const REPLAY_TIMING_ASAP = 0;
export const REPLAY_TIMING_TRACE = 1;
export const REPLAY_TIMING_CLOSED = 2;

/** The generation of a sector whose content nobody knows (an image that held data before): it is not checked. */
export const GENERATION_UNKNOWN = 0x7fffffff;
/** A generation with this bit set: the low bits are an index into the batch's mixed sectors (512 bytes each). */
export const GENERATION_MIXED = 0x80000000;

// ---- histograms of nanoseconds (base/histogram.ts): what replayHistogram points at, u64 each ----

export const HISTOGRAM_COUNT = 0;
/** The sum of all values, 128 bits: its low half, and with HISTOGRAM_SUM_HIGH the high half. */
export const HISTOGRAM_SUM = 8;
export const HISTOGRAM_MAX = 16;
export const HISTOGRAM_SUM_HIGH = 24;
/** A count for each bucket. */
export const HISTOGRAM_COUNTS = 32;
export const HISTOGRAM_BUCKETS = 7424;
export const HISTOGRAM_SIZE = 59424;
/** Values below 2^(bits + 1) have buckets of their own; each octave above has 2^bits of them. */
export const HISTOGRAM_LINEAR_BITS = 7;

/** Which histogram of the player: from its arrival (REPLAY_HISTOGRAM_LATENCY), or from the ring it was put on, to its end … */
export const REPLAY_HISTOGRAM_LATENCY = 0;
export const REPLAY_HISTOGRAM_SERVICE = 4;
/** … plus the operation; datasyncs are flushes. */
export const REPLAY_OPERATION_READ = 0;
export const REPLAY_OPERATION_WRITE = 1;
export const REPLAY_OPERATION_DISCARD = 2;
export const REPLAY_OPERATION_FLUSH = 3;
/** Requests of the drives, from the start of the service to its end. */
export const REPLAY_HISTOGRAM_DRIVE = 8;
/** The latencies of all operations together. */
export const REPLAY_HISTOGRAM_ALL = 9;
export const REPLAY_HISTOGRAM_KINDS = 10;

// ---- what a drive has had in hand: driveTimes; u64 each ----

/** The times of all requests that have ended, from the start of the service to its end. */
export const DRIVE_TIMES_TOTAL_NS = 0;
export const DRIVE_TIMES_REQUESTS = 8;
/** Requests in hand at one time, at the most. */
export const DRIVE_TIMES_MOST = 16;
export const DRIVE_TIMES_SIZE = 24;

// ---- machineCheck: the rules, the first seven as the sheet of buffered writes numbers them ----

/** A dirty block is uptodate. */
export const CHECK_DIRTY_UPTODATE = 1;
/** The counts of a file are those of its pages. */
export const CHECK_COUNTS = 2;
/** nr_file_pages, nr_dirty and nr_writeback are those of all pages. */
export const CHECK_GAUGES = 3;
/** No dirty block lies wholly behind the end of its file. */
export const CHECK_PAST_END = 4;
/** Each mapping that was begun has ended. */
export const CHECK_MAPPINGS = 5;
/** Each reserved block is dirty in the cache. */
export const CHECK_RESERVED_BLOCKS = 6;
/** The size on disk is not larger than i_size. */
export const CHECK_SIZE_ON_DISK = 7;
/** Dirty lists and eviction lists hold what they must. */
export const CHECK_LISTS = 8;
/** Pages are busy exactly while bios move their bytes. */
export const CHECK_IOENDS = 9;
/** Without an operation nothing is pinned or locked. */
export const CHECK_IDLE = 10;
/** Extents, their slots and the free blocks agree. */
export const CHECK_EXTENTS = 11;
/** Each dirty block of a file of the volume has an extent. */
export const CHECK_UNPROMISED = 12;

/** u32 rule; u32 number of the file; u64: page or block, or which count; what was found, and what would be right. */
export const CHECK_RULE = 0;
export const CHECK_FILE = 4;
export const CHECK_INDEX = 8;
export const CHECK_FOUND = 16;
export const CHECK_EXPECTED = 24;
export const CHECK_SIZE = 32;

// ---- root: where things are, at rootAddress(); u32 unless said ----

export const ROOT_COUNTERS = 0;
export const ROOT_RECORDS = 4;
export const ROOT_RECORD_CAPACITY = 8;
export const ROOT_BUFFERS = 12;
export const ROOT_BUFFER_BYTES = 16;
export const ROOT_REPLAY_RECORDS = 20;
export const ROOT_REPLAY_GENERATIONS = 24;
export const ROOT_REPLAY_MIXED = 28;
export const ROOT_REPLAY_MIXED_CAPACITY = 32;
export const ROOT_REPLAY_STATE = 36;
export const ROOT_ABORT_MESSAGE = 44;
export const ROOT_ABORT_FILE = 48;
export const ROOT_ABORT_LINE = 52;
/** u64: virtual nanoseconds since the machine opened. */
export const ROOT_NOW = 56;
/** u64: records made; u64: running hash of all of them. */
export const ROOT_RECORDS_MADE = 64;
export const ROOT_RECORD_HASH = 72;
/** Why open() failed: the CONFIG_… offset of the field, and for a drive or file field its index. */
export const ROOT_BAD_FIELD = 80;
export const ROOT_BAD_INDEX = 84;
/** u64: bytes that the config needs. */
export const ROOT_MEMORY_BYTES = 88;
export const ROOT_CONFIG = 96;
/** Records in use: operations, bios, spans, requests to drives, kiocbs, virtio requests, open files, AIO contexts. */
export const ROOT_USED_OPERATIONS = 100;
export const ROOT_USED_BIOS = 104;
export const ROOT_USED_SPANS = 108;
export const ROOT_USED_REQUESTS = 112;
export const ROOT_USED_KIOCBS = 116;
export const ROOT_USED_VIRTIO = 120;
export const ROOT_USED_USRBIO_JOBS = 124;
export const ROOT_USED_USRBIO_PARTS = 128;
/** Pages of shared memory in use. */
export const ROOT_USED_SHARED_PAGES = 132;
/** aio_t records, IOContexts and calls of BlueStore devices. */
export const ROOT_USED_BLUESTORE_AIOS = 136;
export const ROOT_USED_IO_CONTEXTS = 140;
export const ROOT_USED_DEVICE_CALLS = 144;
export const ROOT_USED_BLOCK_REQUESTS = 148;
/** Requests of block devices that have not been reaped. */
export const ROOT_USED_SUBMISSIONS = 152;
/** Requests in the hands of flash drives, and pages that they are reading. */
export const ROOT_USED_FLASH = 156;
/** u64: what machineTag() was told last. */
export const ROOT_TAG = 160;
export const ROOT_SIZE = 176;

/** What configAddress() leaves for drives and files in the first two megabytes of memory is enough for 4,096 of each. */
export const BAD_FIELD_DRIVES = 1000;
export const BAD_FIELD_FILES = 2000;
