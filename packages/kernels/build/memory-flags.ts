/** Offset, in a module's bytes, of the flags of its imported memory: 1 it has a maximum, 2 it is shared. */
export function memoryFlags(module: Uint8Array): number {
  let at = 8;
  const number = (): number => {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = module[at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
      shift += 7;
    }
  };
  const skipName = (): void => {
    const length = number();
    at += length;
  };
  while (at < module.length) {
    const section = module[at++]!;
    const size = number();
    if (section !== 2) {
      at += size;
      continue;
    }
    for (let left = number(); left > 0; left--) {
      skipName();
      skipName();
      if (module[at++] !== 2) throw new Error("memory is expected to be the first import");
      if (module[at] !== 3) throw new Error("the memory is expected to be shared");
      return at;
    }
  }
  throw new Error("the module imports no memory");
}
