// The part of linear memory that clients may name: their buffers, iocbs, rings and guest memory.
//
// Verbs: clientMemoryFrom, clientMemoryTo, isClientRange, clientBytes, clientOffset. Everything outside it belongs to the core, and no address
// that a client hands in may reach it.
// Invariant: an address is checked here before the core reads or writes through it.

@unmanaged
class ClientMemory {
  start: u64;
  end: u64;
}

const client = changetype<ClientMemory>(memory.data(offsetof<ClientMemory>(), 16));

export function clientMemoryFrom(address: usize): void {
  client.start = <u64>address;
}

export function clientMemoryTo(address: usize): void {
  client.end = <u64>address;
}

/** True when [address, address + length) lies inside; no overflow is possible. An empty range needs an address inside or at the end. */
export function isClientRange(address: u64, length: u64): bool {
  return address >= client.start && address <= client.end && length <= client.end - address;
}

/** How many of the `length` bytes at `address` lie inside, from the first one on. */
export function clientBytes(address: u64, length: u32): u32 {
  if (address < client.start || address >= client.end) return 0;
  return <u32>min<u64>(length, client.end - address);
}

/** An address counted from the start of client memory: the same in every build, as records need it. */
export function clientOffset(address: u64): u32 {
  return <u32>(address - client.start);
}
