/**
 * Linear attention: one recurrence over a state, with feature maps, decay, gates and the delta rule.
 *
 * @module
 */
export { eluPlusOne, type FeatureMap } from "@saccade/core/variants";
export type { ScaleOption } from "./common-options.ts";
export { deltaNet } from "./delta-net.ts";
export type { DeltaOptions } from "./delta-rule.ts";
export { cosFormer, type CosFormerOptions } from "./feature-maps/cos-former.ts";
export { favorPlus, type FavorPlusOptions } from "./feature-maps/favor-plus.ts";
export { hedgehog, type HedgehogOptions } from "./feature-maps/hedgehog.ts";
export { identity } from "./feature-maps/identity.ts";
export { relu } from "./feature-maps/relu.ts";
export { taylor } from "./feature-maps/taylor.ts";
export { gatedDeltaNet } from "./gated-delta-net.ts";
export { gated } from "./gated.ts";
export { kimiDelta } from "./kimi-delta.ts";
export { lightning, lightningSlopes, type LightningOptions } from "./lightning.ts";
export { linear, type LinearAttentionOptions } from "./linear.ts";
export { retention, type RetentionOptions } from "./retention.ts";
export { rwkv7 } from "./rwkv7.ts";
export { scalarGated, type StateSpaceOptions } from "./scalar-gated.ts";
export { logLinear, type LogLinearOptions } from "./log-linear/log-linear.ts";
export { lolcats, type LolcatsOptions } from "./lolcats/lolcats.ts";
