import { UsageError } from "../settings/usage-error.ts";

const TOKENS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20 };
const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};
const MILLISECONDS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3, min: 60e3 };

/** `512`, `32k`, `1m`: k and m count in powers of 1024. @throws UsageError */
export function tokenCount(flag: string, text: string): number {
  const tokens = withUnit(text, TOKENS);
  if (tokens !== undefined && Number.isInteger(tokens) && tokens >= 1) return tokens;
  throw new UsageError(`--${flag} expects tokens such as 512, 32k or 1m, got "${text}"`);
}

/** `500MB`, `2GB`, `2GiB`. @throws UsageError */
export function byteCount(flag: string, text: string): number {
  const bytes = withUnit(text, BYTES);
  if (bytes !== undefined && bytes >= 1) return bytes;
  throw new UsageError(`--${flag} expects bytes such as 500MB or 2GB, got "${text}"`);
}

/** `5ms`, `2s`, `1min`. @throws UsageError */
export function duration(flag: string, text: string): number {
  const ms = withUnit(text, MILLISECONDS);
  if (ms !== undefined && ms > 0) return ms;
  throw new UsageError(`--${flag} expects a time such as 5ms or 2s, got "${text}"`);
}

function withUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-zµ]*)$/i.exec(text.trim()) ?? [];
  const factor = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined;
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}
