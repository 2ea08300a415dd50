/** The name an operator goes by here and in messages. */
export function operatorName(domain: string, operator: string): string {
  return domain === "" || domain === "ai.onnx" ? operator : `${domain}:${operator}`;
}
