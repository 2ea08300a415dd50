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

/** A duration in milliseconds for people: 420 µs, 17 s, 5.3 min. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 0.9995 && milliseconds > 0) return `${digits(milliseconds * 1000)} µs`;
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

/** A relative error: 0.34, 0.0012, 1.2e-7. */
export function error(value: number): string {
  if (value === 0 || (Number.isFinite(value) && Math.abs(value) >= 0.000_95))
    return String(Number(value.toPrecision(2)));
  return exponent(value).replace(".0e", "e");
}

/** 99.8%; of nothing, a dash. */
export function share(part: number, of: number): string {
  return of === 0 ? "-" : `${((100 * part) / of).toFixed(1)}%`;
}

/** Tokens: 512, 1.4k, 64k, 1M; k and M are powers of 1024, as in command lines. */
export function tokens(length: number): string {
  if (!Number.isFinite(length)) return "unbounded";
  if (length < 1000) return String(Math.round(length));
  const [value, unit] = length < 1_000_000 ? [length / 1024, "k"] : [length / 1_048_576, "M"];
  return `${Number(value.toPrecision(value >= 100 ? 3 : 2))}${unit}`;
}

/** A share: 42%, 0.52%, 99.1%, 116%; 100% only where it is all but rounding. */
export function percent(part: number): string {
  const hundredths = 100 * part;
  if (hundredths >= 99 && hundredths < 99.9999) return `${Math.min(99.9, Number(hundredths.toFixed(1)))}%`;
  return `${hundredths >= 10 ? Math.round(hundredths) : Number(hundredths.toPrecision(2))}%`;
}

/** Without decimals that say nothing, for axes: 10 MB, 1.5 s. */
export function brief(text: string): string {
  return text.replace(/(\.\d*?)0+(?= |$)/, "$1").replace(/\.(?= |$)/, "");
}

/** "1 cell", "2 cells". */
export function counted(number: number, what: string): string {
  return number === 1 ? `1 ${what}` : `${number} ${what}s`;
}
