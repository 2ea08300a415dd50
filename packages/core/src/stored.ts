/** How a cache stores keys and values. Kernels widen them to f32 as they read them. */
export type StoredType = "f32" | "f16" | "bf16" | "i8";

/** Bytes of one stored number. */
export const STORED_BYTES: Readonly<Record<StoredType, number>> = { f32: 4, f16: 2, bf16: 2, i8: 1 };

/** Numbers of the stored types in kernels: `STORED_*` in job.h. */
export const STORED_CODE: Readonly<Record<StoredType, number>> = { f32: 0, f16: 1, bf16: 2, i8: 3 };
