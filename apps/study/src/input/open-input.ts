import { gaussianInput } from "./gaussian-input.ts";
import type { Input, InputSpec } from "./input.ts";
import { safetensorsInput } from "./safetensors-input.ts";
import { textInput } from "./text-input.ts";

/** Makes the input that a specification describes. */
export function openInput(spec: InputSpec): Input {
  switch (spec.kind) {
    case "text":
      return textInput(spec);
    case "gaussian":
      return gaussianInput(spec);
    case "safetensors":
      return safetensorsInput(spec);
  }
}
