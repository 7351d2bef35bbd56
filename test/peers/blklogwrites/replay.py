# Replays a log of dm-log-writes onto an image: an independent reader, from Documentation/admin-guide/device-mapper/log-writes.rst
# and the comments of drivers/md/dm-log-writes.c. Usage: replay.py LOG IMAGE. Prints one word for each entry.
import struct
import sys

FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8

with open(sys.argv[1], "rb") as log, open(sys.argv[2], "r+b") as image:
    magic, version, entries, size = struct.unpack("<QQQI", log.read(28))
    if magic != 0x6A736677736872 or version != 1:
        sys.exit("no log of dm-log-writes")
    log.seek(size)
    for _ in range(entries):
        head = log.read(size)
        sector, count, flags, length = struct.unpack("<QQQQ", head[:32])
        if flags & MARK:
            print("mark:" + head[32 : 32 + length].decode())
            continue
        print("discard" if flags & DISCARD else "flush" if flags & FLUSH else "fua" if flags & FUA else "write")
        if count == 0:
            continue
        image.seek(sector * size)
        image.write(bytes(count * size) if flags & DISCARD else log.read(count * size))
    if log.read(1):
        sys.exit("bytes behind the last entry")
