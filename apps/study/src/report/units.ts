/** Bytes for people, in powers of 1000: 64 kB, 25.8 GB. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (power < units.length - 1 && Math.abs(count) >= 999.5) {
    count /= 1000;
    power++;
  }
  return `${power === 0 ? count.toFixed(0) : digits(count)} ${units[power]}`;
}

/** A duration in milliseconds for people: 0.42 ms, 17 s, 5.3 min. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 1000) return `${digits(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${digits(milliseconds / 1000)} s`;
  if (milliseconds < 7_200_000) return `${digits(milliseconds / 60_000)} min`;
  return `${digits(milliseconds / 3_600_000)} h`;
}

/** Three digits, no exponent. */
export function digits(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return value.toFixed(0);
  if (magnitude >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

/** 1.2e-7 */
export function exponent(value: number): string {
  if (!Number.isFinite(value)) return "not finite";
  return value === 0 ? "0" : value.toExponential(1);
}

/** 99.8%; of nothing, a dash. */
export function share(part: number, of: number): string {
  return of === 0 ? "-" : `${((100 * part) / of).toFixed(1)}%`;
}
