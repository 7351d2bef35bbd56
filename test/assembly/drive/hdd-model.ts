// A rotating disk written down plainly: one request at a time, sector by sector, no buffers. What hdd.ts must agree with to the nanosecond.

export interface PlainDisk {
  readonly rpm: number;
  readonly heads: number;
  readonly outerSectors: number;
  readonly innerSectors: number;
  readonly zones: number;
  readonly seekTrackNs: number;
  readonly seekAverageNs: number;
  readonly seekFullNs: number;
  readonly writeSettleNs: number;
  readonly headSwitchNs: number;
  readonly trackSkewNs: number;
  readonly cylinderSkewNs: number;
  readonly commandNs: number;
  readonly interfaceBandwidth: number;
}

interface Track {
  readonly cylinder: number;
  readonly head: number;
  readonly firstSector: number;
  readonly sectors: number;
}

function isqrt(value: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(value))));
  while (root * root > value) root--;
  while ((root + 1n) * (root + 1n) <= value) root++;
  return root;
}

/** The disk, and where its head is. */
export class PlainHdd {
  readonly #disk: PlainDisk;
  readonly #tracks: Track[] = [];
  readonly #revolution: number;
  readonly #cylinders: number;
  #track: Track;
  #freeAt = 0;

  /** `sectors`: the whole disk. Keep it small: every track is an object. */
  constructor(disk: PlainDisk, sectors: number) {
    this.#disk = disk;
    this.#revolution = Math.floor(60e9 / disk.rpm);
    const { heads, outerSectors: outer } = disk;
    const inner = Math.min(disk.innerSectors, outer);
    const zones = Math.min(disk.zones, Math.ceil(sectors / (heads * outer)));
    const perTrack = Array.from({ length: zones }, (_, zone) =>
      zones === 1 ? outer : outer - Math.floor(((outer - inner) * zone) / (zones - 1)),
    );
    const turn = perTrack.reduce((sum, count) => sum + count * heads, 0);
    let left = sectors % turn;
    let cylinder = 0;
    let first = 0;
    for (const count of perTrack) {
      let cylinders = Math.floor(sectors / turn);
      if (left > 0) {
        cylinders++;
        left -= Math.min(left, count * heads);
      }
      for (const end = cylinder + cylinders; cylinder < end; cylinder++) {
        for (let head = 0; head < heads; head++) {
          this.#tracks.push({ cylinder, head, firstSector: first, sectors: count });
          first += count;
        }
      }
    }
    this.#cylinders = cylinder;
    this.#track = this.#tracks[0] as Track;
  }

  get cylinders(): number {
    return this.#cylinders;
  }

  seekNs(distance: number): number {
    const { seekTrackNs: track, seekAverageNs: average } = this.#disk;
    const full = Math.max(this.#disk.seekFullNs, track);
    const knee = Math.min(
      full,
      Math.max(track, Math.floor(Math.max(0, 750 * average - 94 * track - 160 * full) / 496)),
    );
    const stroke = this.#cylinders - 2;
    if (distance === 0) return 0;
    if (distance === 1 || stroke <= 0) return track;
    const scaled = (distance - 1) * 5;
    if (scaled < stroke) {
      const root = isqrt((BigInt(scaled) << 32n) / BigInt(stroke));
      return track + Number((BigInt(knee - track) * root) >> 16n);
    }
    return knee + Math.floor(((full - knee) * (scaled - stroke)) / (stroke * 4));
  }

  #angleOf(track: Track, index: number): number {
    const { heads, headSwitchNs, seekTrackNs } = this.#disk;
    const trackSkew = (this.#disk.trackSkewNs || headSwitchNs) % this.#revolution;
    const cylinderSkew =
      (this.#disk.cylinderSkewNs || Math.max(seekTrackNs, headSwitchNs)) % this.#revolution;
    const perCylinder = ((heads - 1) * trackSkew + cylinderSkew) % this.#revolution;
    const start = track.cylinder * perCylinder + track.head * trackSkew;
    return (start + Math.floor((index * this.#revolution) / track.sectors)) % this.#revolution;
  }

  /** Serves a request that is submitted at `time`; when it ends. */
  serve(isWrite: boolean, sector: number, count: number, time: number): number {
    const bytes = count * 512;
    const linkNs = Math.ceil((bytes * 1e9) / this.#disk.interfaceBandwidth);
    let at = Math.max(this.#freeAt, time + this.#disk.commandNs + (isWrite ? linkNs : 0));
    let begun = -1;
    let settle = isWrite ? this.#disk.writeSettleNs : 0;
    for (let left = count, next = sector; left > 0; ) {
      const track = this.#tracks.findLast(({ firstSector }) => firstSector <= next) as Track;
      const distance = Math.abs(track.cylinder - this.#track.cylinder);
      const isSwitched = track.head !== this.#track.head;
      if (distance > 0) at += Math.max(this.seekNs(distance), isSwitched ? this.#disk.headSwitchNs : 0);
      else if (isSwitched) at += this.#disk.headSwitchNs;
      if (distance > 0 || isSwitched) at += settle;
      settle = 0;
      this.#track = track;
      const index = next - track.firstSector;
      const angle = this.#angleOf(track, index);
      at += (angle - (at % this.#revolution) + this.#revolution) % this.#revolution;
      if (begun < 0) begun = at;
      const here = Math.min(left, track.sectors - index);
      at +=
        Math.floor(((index + here) * this.#revolution) / track.sectors) -
        Math.floor((index * this.#revolution) / track.sectors);
      next += here;
      left -= here;
    }
    this.#freeAt = at;
    return isWrite ? at : Math.max(at, begun + linkNs);
  }
}
