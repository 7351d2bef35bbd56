import { Machine } from '../src/index.ts';
const m = await Machine.create({ payload: 'none', drives: [{ size: '1GiB', volatileWrites: 0 }], cache: '4MiB' });
const f = m.openFile('drive0', { direct: true });
const ex = m.core.exports, mem = m.core.memory;
const buf = m.buffers.allocate(4096, 4096);
const handle = m.buffers.allocate(64); mem.setU64(handle, 0);
ex.aioSetup(1024, handle); const ctx = mem.u32(handle);
for (const batch of [1, 32, 256]) {
  const iocbs = m.buffers.allocate(batch * 64), ptrs = m.buffers.allocate(batch * 4), evs = m.buffers.allocate(batch * 32);
  for (let i = 0; i < batch; i++) {
    const a = iocbs + i * 64;
    mem.bytes.fill(0, a, a + 64);
    mem.setU32(a + 16, 0); mem.setU32(a + 20, f.descriptor); mem.setU64(a + 24, buf); mem.setU64(a + 32, 4096); mem.setU64(a + 40, (i * 7 % 1000) * 8192);
    mem.setU32(ptrs + i * 4, a);
  }
  let n = 0; const t = performance.now();
  while (performance.now() - t < 1500) { for (let k = 0; k < 100; k++) { ex.aioSubmit(ctx, batch, ptrs); n += ex.aioGetevents(ctx, batch, batch, evs, 0); } }
  console.log('aio raw', batch, Math.round(n / ((performance.now() - t) / 1000)));
}
const u = m.usrbio, raw = u.raw;
const g = m.openFile('drive0', { direct: true });
for (const batch of [1, 32, 256]) {
  const iov = u.createIov(4096), ring = m.buffers.allocate(600), cq = m.buffers.allocate(batch * 24);
  raw.iorCreate(ring, u.mountPoint, batch, true, 0, 0, 0, 0, 0);
  u.register(g);
  let n = 0; const t = performance.now();
  while (performance.now() - t < 1500) { for (let k = 0; k < 100; k++) { for (let i = 0; i < batch; i++) ex.usrbioPrepIo(ring, iov.struct, 1, iov.address, g.descriptor, (i * 7 % 1000) * 8192, 4096, i); ex.usrbioSubmitIos(ring); n += ex.usrbioWaitForIos(ring, cq, batch, batch, 0); } }
  console.log('usrbio raw', batch, Math.round(n / ((performance.now() - t) / 1000)));
}
